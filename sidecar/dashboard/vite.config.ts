import { defineConfig } from "vite";

// One script and one style sheet with fixed names: the sidecar embeds them. Relative addresses, so that the page works under any path prefix.
export default defineConfig({
  base: "./",
  build: {
    outDir: "dist",
    modulePreload: false,
    target: "es2022",
    rollupOptions: { output: { entryFileNames: "app.js", assetFileNames: "app[extname]" } },
  },
  // `npm run dev` shows a running sidecar's data.
  server: { proxy: { "/v1": process.env.QUINTET_GATEWAY ?? "http://127.0.0.1:5062" } },
});
