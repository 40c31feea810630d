import { defineConfig, type Plugin } from "vite";

/** Puts script and style into the page: browsers refuse module files from a disk. */
function inlined(): Plugin {
  return {
    name: "inlined",
    enforce: "post",
    generateBundle(_, bundle) {
      const page = bundle["index.html"];
      if (page?.type !== "asset") throw new Error("inlined: the build has no index.html");
      let html = String(page.source);
      let scripts = "";
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === "chunk") scripts += `<script>${escaped(file.code)}</script>\n`;
        else if (name.endsWith(".css"))
          html = html.replace("</head>", () => `<style>${file.source}</style>\n</head>`);
        else continue;
        delete bundle[name];
      }
      html = html.replace(
        /\s*<(script type="module"|link rel="stylesheet")[^>]*>(<\/script>)?/g,
        "",
      );
      page.source = html.replace("</body>", () => `${scripts}</body>`);
    },
  };
}

function escaped(code: string): string {
  return code.replaceAll("</script", "<\\/script");
}

export default defineConfig({
  base: "./",
  plugins: [inlined()],
  build: {
    target: "es2022",
    modulePreload: false,
    rollupOptions: { output: { format: "iife" } },
  },
});
