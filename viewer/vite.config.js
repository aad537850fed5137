// Into the Python package, or where NTC_WEB says. No hashes in names: the server sends ETags.
import { defineConfig } from "vite";

const names = {
  entryFileNames: "[name].js",
  chunkFileNames: "[name].js",
  assetFileNames: "[name][extname]",
};

export default defineConfig({
  base: "./",
  build: {
    chunkSizeWarningLimit: 900, // KB, of three.js
    outDir: process.env.NTC_WEB ?? "../ntc/viewer/web",
    emptyOutDir: true,
    assetsDir: "",
    assetsInlineLimit: 0, // the policy of the server allows no data: but images
    modulePreload: { polyfill: false },
    target: "es2022",
    rolldownOptions: { input: { main: "index.html" }, output: names },
  },
  worker: { format: "es", rolldownOptions: { output: names } },
});
