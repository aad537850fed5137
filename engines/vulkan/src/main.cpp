// Draws a glTF model whose materials lie in .ntc files: into a window, or into a file.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "error.h"
#include "options.h"
#include "report.h"
#ifdef WITH_WINDOW
#include "window.h"
#endif

namespace {

Camera camera_of(const Scene& scene) {
  return scene.camera ? *scene.camera : camera_around(scene.low, scene.high, {0.6f, 0.35f}, 2.4f);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void shoot(Device& device, const Options& options, const Scene& scene, const CompressedFiles& files) {
  const Materials materials(device, scene, files, options.decode);
  Renderer renderer(device, scene, materials, options.look, options.size);
  std::vector<double> times;
  for (uint32_t i = 0; i < options.frames; i++) times.push_back(renderer.draw(camera_of(scene), i));
  if (!options.shot.empty()) save_png(options.shot, renderer.read_picture());
  if (!options.save_maps.empty()) materials.save_maps(device, files, options.save_maps);
  const Report report = {device, options, files, materials, renderer, median(times)};
  std::printf("%s\n", options.json ? as_json(report).c_str() : as_title(report).c_str());
}

#ifdef WITH_WINDOW
constexpr int kChoices = 4;  // ways to decode, and filters

template <class Choice>
Choice next(Choice choice) {
  return static_cast<Choice>((static_cast<int>(choice) + 1) % kChoices);
}

void show(Device& device, Window& window, Options options, const Scene& scene, const CompressedFiles& files) {
  Swapchain swapchain(device, window);
  std::unique_ptr<Materials> materials;
  std::unique_ptr<Renderer> renderer;
  for (uint32_t number = 0; window.poll(); number++) {
    const int key = window.pressed_key();
    if (key == GLFW_KEY_D) options.decode = next(options.decode);
    if (key == GLFW_KEY_F) options.look.filter = next(options.look.filter);
    if (!materials || key == GLFW_KEY_D) {
      renderer.reset();
      materials.reset();
      materials = std::make_unique<Materials>(device, scene, files, options.decode);
    }
    if (!renderer || key == GLFW_KEY_F)
      renderer = std::make_unique<Renderer>(device, scene, *materials, options.look, window.size());
    const double ms =
        renderer->draw(camera_around(scene.low, scene.high, window.turn, window.distance), number);
    swapchain.present(renderer->target());
    window.set_title(as_title({device, options, files, *materials, *renderer, ms}));
  }
}
#endif

int run(const Options& options) {
  const Scene scene = load_scene(options.model);
  const CompressedFiles files = open_files(scene);
  const bool offscreen = !options.shot.empty() || !options.save_maps.empty();
#ifdef WITH_WINDOW
  std::unique_ptr<Window> window;
  if (!offscreen) window = std::make_unique<Window>(options.size);
  Device device(options.validate, window ? Window::instance_extensions() : std::vector<const char*>());
  if (window) {
    show(device, *window, options, scene, files);
    return device.validation_messages() ? 1 : 0;
  }
#else
  if (!offscreen) throw Error("this program was built without GLFW and opens no window: use --shot");
  Device device(options.validate, {});
#endif
  shoot(device, options, scene, files);
  return device.validation_messages() ? 1 : 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const Options options = parse_options(count, arguments);
    if (!options.help) return run(options);
    std::printf("%s", kHelp);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
