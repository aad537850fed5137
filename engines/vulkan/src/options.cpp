#include "options.h"

#include <array>
#include <charconv>
#include <cstdio>

#include "error.h"

const char* const kHelp =
    "ntc_sample MODEL [options]: draws a glTF model whose materials `ntc gltf` compressed\n"
    "  --decode sample|rgba8|bc7|images  where .ntc are decoded: in the fragment shader, or when they are "
    "loaded,\n"
    "                                    to one of two kinds of textures; images: the model's own (sample)\n"
    "  --filter texel|filtered|exact|stochastic  shaders/README.md says what they cost (exact)\n"
    "  --round           what a .ntc gives is rounded to 8 bits, as textures hold it\n"
    "  --size WxH        of the picture (1280x720)\n"
    "  --shot FILE.png   draws it into a file, without a window\n"
    "  --frames N        draws a shot so many times; its time is their median (1)\n"
    "  --save-maps DIR   writes every texture that was made from a .ntc, mip by mip\n"
    "  --json            prints what a shot took as JSON\n"
    "  --validate        loads the validation layer; ends with 1 if it has anything to say\n"
    "In the window: drag turns, the wheel goes nearer, d changes where it is decoded, f the filter, Esc "
    "ends.\n";

namespace {

constexpr std::array<const char*, 4> kDecodes = {"sample", "rgba8", "bc7", "images"};
constexpr std::array<const char*, 4> kFilters = {"texel", "filtered", "exact", "stochastic"};
constexpr uint32_t kMaxSide = 16384;
constexpr uint32_t kMaxFrames = 10000;

template <class Choice>
Choice choose(const std::array<const char*, 4>& names, const std::string& option, const std::string& value) {
  std::string all;
  for (size_t i = 0; i < names.size(); i++) {
    if (value == names[i]) return static_cast<Choice>(i);
    all += std::string(i ? ", " : "") + names[i];
  }
  throw Error(option + " " + value + " does not exist: use " + all);
}

uint32_t number(const std::string& option, std::string_view text, uint32_t most) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most)
    throw Error(option + " takes numbers of 1 to " + std::to_string(most) + ", not " + std::string(text));
  return value;
}

VkExtent2D size_of(const std::string& option, std::string_view text) {
  const size_t x = text.find('x');
  if (x == std::string_view::npos)
    throw Error(option + " takes a size such as 1280x720, not " + std::string(text));
  return {number(option, text.substr(0, x), kMaxSide), number(option, text.substr(x + 1), kMaxSide)};
}

}  // namespace

Options parse_options(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; i++) {
    const std::string option = arguments[i];
    const auto value = [&]() -> std::string {
      if (i + 1 >= count) throw Error(option + " takes a value: see --help");
      return arguments[++i];
    };
    if (option == "--decode")
      options.decode = choose<Decode>(kDecodes, option, value());
    else if (option == "--filter")
      options.look.filter = choose<Filter>(kFilters, option, value());
    else if (option == "--round")
      options.look.round_to_8 = true;
    else if (option == "--size")
      options.size = size_of(option, value());
    else if (option == "--shot")
      options.shot = value();
    else if (option == "--frames")
      options.frames = number(option, value(), kMaxFrames);
    else if (option == "--save-maps")
      options.save_maps = value();
    else if (option == "--json")
      options.json = true;
    else if (option == "--validate")
      options.validate = true;
    else if (option == "--help" || option == "-h")
      options.help = true;
    else if (option.starts_with("-") || !options.model.empty())
      throw Error(option + " is not expected: see --help");
    else
      options.model = option;
  }
  if (options.model.empty() && !options.help) throw Error("no model: name a .gltf or .glb, or see --help");
  return options;
}

const char* name_of(Decode decode) { return kDecodes[static_cast<size_t>(decode)]; }
const char* name_of(Filter filter) { return kFilters[static_cast<size_t>(filter)]; }
