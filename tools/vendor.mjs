// Re-creates static/vendor from the packages pinned below: `node tools/vendor.mjs`. Needs npm once, never at run time.
// Source maps are cut off, because hashed static files must not name files that are not there.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PACKAGES = { "@tabler/core": "1.6.1", "@tabler/icons": "3.51.0", uplot: "1.6.32", "swagger-ui-dist": "5.35.0" };
const FILES = [
  ["@tabler/core", "dist/css/tabler.min.css", "tabler.min.css"],
  ["uplot", "dist/uPlot.iife.min.js", "uplot.min.js"],
  ["uplot", "dist/uPlot.min.css", "uplot.min.css"],
  ["swagger-ui-dist", "swagger-ui-bundle.js", "swagger-ui.min.js"],
  ["swagger-ui-dist", "swagger-ui.css", "swagger-ui.min.css"],
];
const ICONS = `affiliate alert-triangle apps arrow-right bookmark box braces building-community check chevron-down
  chevron-left chevron-right chevron-up circle-check circle-dashed copy device-floppy file-type-csv gauge git-merge
  history info-circle key language layout-dashboard loader-2 lock logout menu-2 moon network pencil plug-connected
  plus route search server-2 shield-lock sitemap sun sun-moon tag topology-star-3 trash user-circle users-group x`.split(/\s+/);

const target = join(dirname(fileURLToPath(import.meta.url)), "..", "static", "vendor");
const scratch = mkdtempSync(join(tmpdir(), "vendor-"));
const manifest = [];

function keep(name, text, pack, licence) {
  writeFileSync(join(target, name), text);
  manifest.push({ file: name, package: pack, version: PACKAGES[pack], licence, sha256: createHash("sha256").update(text).digest("hex") });
}

function symbol(name, svg) {
  const shapes = svg.slice(svg.indexOf(">") + 1, svg.lastIndexOf("</svg>")).replace(/<path stroke="none"[^>]*>/, "");
  return `<symbol id="${name}" viewBox="0 0 24 24">${shapes.replace(/\s*\n\s*/g, "")}</symbol>`;
}

try {
  writeFileSync(join(scratch, "package.json"), "{}");
  const wanted = Object.entries(PACKAGES).map(([name, version]) => `${name}@${version}`);
  execFileSync("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...wanted], { cwd: scratch, stdio: "inherit" });
  const read = (pack, path) => readFileSync(join(scratch, "node_modules", pack, path), "utf8");
  const licence = (pack) => JSON.parse(read(pack, "package.json")).license;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  for (const [pack, path, name] of FILES) {
    keep(name, read(pack, path).replace(/\n?\/[*/]# sourceMappingURL=.*$/s, "\n"), pack, licence(pack));
  }
  const symbols = ICONS.map((name) => symbol(name, read("@tabler/icons", `icons/outline/${name}.svg`)));
  keep("icons.svg", `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join("\n")}\n</svg>\n`, "@tabler/icons", licence("@tabler/icons"));
  writeFileSync(join(target, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
