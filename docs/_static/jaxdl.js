// What scrolls sideways can be reached by the keyboard, to be scrolled with its arrows.
function reachable() {
  for (const box of document.querySelectorAll("pre, .table-wrapper, .math .katex-display, .highlight")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("load", reachable);
addEventListener("resize", reachable);
