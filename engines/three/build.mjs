// Compiles the package to dist/, with the shader as text in a module. In a checkout of the repository the packages
// that it needs may be those of the viewer: they are linked where there are none of its own.
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const packages = join(here, "node_modules");

function link(name, target) {
  if (existsSync(join(packages, name)) || !existsSync(join(here, target))) return;
  mkdirSync(dirname(join(packages, name)), { recursive: true });
  symlinkSync(join(here, target), join(packages, name));
}

link("@ntc/web", "../web");
for (const name of ["three", "@types", "typescript"])
  link(name, `../../viewer/node_modules/${name}`);

const compiler = createRequire(import.meta.url).resolve("typescript/package.json");
const program = join(dirname(compiler), "bin", "tsc");
execFileSync(process.execPath, [program, "--project", here], { stdio: "inherit" });

const text = readFileSync(join(here, "../../shaders/generated/ntc.essl"), "utf8");
const bare = text.replace(/^\s*\/\/.*\n|^\s+/gm, "");
writeFileSync(
  join(here, "dist/shaders.js"),
  `export const webglShader = ${JSON.stringify(bare)};\n`,
);
copyFileSync(join(here, "src/shaders.d.ts"), join(here, "dist/shaders.d.ts"));
