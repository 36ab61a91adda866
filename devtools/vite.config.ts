// Builds the page into dist/devtools. Everything is a file of its own with a hashed name: the page's policy allows nothing inline.
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist/devtools",
    emptyOutDir: true,
    target: "es2023",
    // A data: URL of a script or style would be refused.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
