"""Links that lead elsewhere: what is wrong as written, and what is gone when it is asked for."""

import http.server
import threading

import links
import pytest


@pytest.mark.parametrize(
    ("link", "fault"),
    [
        ("https://arxiv.org/abs/1706.03762v2", ""),
        ("https://arxiv.org/abs/cs/0112017", ""),
        ("https://arxiv.org/abs/17063762", "no number of arXiv"),
        ("http://example.org/a", "http, not https"),
        ("https://example/a", "no host"),
        ("https://example.org/a b", "a space or a bracket in it"),
    ],
)
def test_faults_of_addresses_as_they_are_written(link, fault):
    assert links.malformed(link) == fault


def test_links_elsewhere_are_found_with_their_pages(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.html").write_text(
            '<a href="https://example.org"></a><a href="b.html"></a><a href="mailto:a@b.org"></a>'
        )
    assert links.external(tmp_path) == {"https://example.org": ["a.html", "b.html"]}


class Answers(http.server.BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self):
        self.send_response(int(self.path[1:]))
        self.end_headers()

    def log_message(self, *_):
        pass


def test_only_pages_that_are_gone_are_faults():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    found = {status: links.answer(f"{address}/{status}") for status in (200, 403, 404, 410)}
    server.shutdown()
    server.server_close()
    assert found == {200: "", 403: "", 404: "status 404", 410: "status 410"}
    assert links.answer(f"{address}/200") != ""  # nobody answers there any more
