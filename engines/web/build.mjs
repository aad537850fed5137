// Compiles the package to dist/ and its tests to build/test/, with the shaders as text in a module.
import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const compiler = createRequire(import.meta.url).resolve("typescript/package.json");

function compile(project) {
  const arguments_ = [join(dirname(compiler), "bin", "tsc"), "--project", join(here, project)];
  execFileSync(process.execPath, arguments_, { stdio: "inherit" });
}

/** As a module that exports the text of a generated shader. */
function shader(name, file) {
  const text = readFileSync(join(here, "../../shaders/generated", file), "utf8");
  return `export const ${name} = ${JSON.stringify(text.replace(/^\s+/gm, ""))};\n`;
}

compile("tsconfig.json");
const shaders = shader("decodeShader", "ntc_decode.wgsl") + shader("sampleShader", "ntc.wgsl");
writeFileSync(join(here, "dist/shaders.js"), shaders);
copyFileSync(join(here, "src/shaders.d.ts"), join(here, "dist/shaders.d.ts"));
compile("test/tsconfig.json");
