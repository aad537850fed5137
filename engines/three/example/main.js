// A sphere that wears bricks.ntc, or the file that ?file= names; ?webgl draws with WebGL2.
import { NTCLoader } from "@ntc/three";
import {
  DirectionalLight,
  HemisphereLight,
  Mesh,
  PerspectiveCamera,
  Scene,
  SphereGeometry,
  WebGPURenderer,
} from "three/webgpu";

const asked = new URLSearchParams(location.search);
const renderer = new WebGPURenderer({ antialias: true, forceWebGL: asked.has("webgl") });
renderer.setSize(innerWidth, innerHeight);
document.body.append(renderer.domElement);

const sun = new DirectionalLight(0xffffff, 3);
sun.position.set(-2, 2, 3);
const scene = new Scene().add(sun, new HemisphereLight(0xbbccff, 0x443322, 1));
const camera = new PerspectiveCamera(40, innerWidth / innerHeight, 0.1, 10);
camera.position.z = 3;

const material = await new NTCLoader().loadAsync(asked.get("file") ?? "bricks.ntc");
scene.add(new Mesh(new SphereGeometry(1, 48, 24), material));
renderer.setAnimationLoop(() => renderer.render(scene, camera));
