#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <stdexcept>

#include "entropy.h"

namespace nb = nanobind;

namespace ntc {
namespace {

// Width, height, features, tile_log2, rows and columns of the mask.
using OutlineIn = std::tuple<int64_t, int64_t, int, int, int64_t, int64_t>;
constexpr size_t kMaxSection = size_t{1} << 29;  // rule C8

LevelOutline view(const OutlineIn& in) {
  const auto& [width, height, features, tile_log2, mask_rows, mask_columns] = in;
  const bool sizes = 1 <= width && width <= 16384 && 1 <= height && height <= 16384;
  const bool blocks = 0 <= mask_rows && mask_rows <= 4096 && 0 <= mask_columns && mask_columns <= 4096;
  if (!sizes || !blocks || features < 1 || features > 32 || tile_log2 < 2 || tile_log2 > 6) {
    throw std::invalid_argument("a level that no file can hold");
  }
  return {width, height, features, tile_log2, mask_columns, mask_rows};
}

const uint8_t* data(const nb::bytes& bytes) { return reinterpret_cast<const uint8_t*>(bytes.c_str()); }

nb::bytes pack(const OutlineIn& outline, const nb::bytes& section) {
  std::vector<uint8_t> stored;
  try {
    const nb::gil_scoped_release release;
    stored = pack_section(view(outline), data(section), section.size());
  } catch (const EntropyFault& fault) {
    throw std::invalid_argument(fault.found);
  }
  return nb::bytes(stored.data(), stored.size());
}

// The section, or the rule that is broken and what was found.
std::tuple<std::optional<nb::bytes>, std::string, std::string> unpack(const OutlineIn& outline,
                                                                      const nb::bytes& stored, size_t size) {
  const LevelOutline level = view(outline);
  if (size > kMaxSection) throw std::invalid_argument("a section that no file can hold");
  nb::bytes section(static_cast<const void*>(nullptr), size);  // not read before it was written
  auto* bytes = const_cast<uint8_t*>(data(section));
  try {
    const nb::gil_scoped_release release;
    unpack_section(level, data(stored), stored.size(), bytes, size);
  } catch (const EntropyFault& fault) {
    return {std::nullopt, fault.rule, fault.found};
  }
  return {std::move(section), "", ""};
}

}  // namespace

void register_entropy(nb::module_& m) {
  m.def("pack_section", &pack, nb::arg("outline"), nb::arg("section"));
  m.def("unpack_section", &unpack, nb::arg("outline"), nb::arg("stored"), nb::arg("size"));
}

}  // namespace ntc
