#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "isa.h"
#include "pool.h"

namespace nb = nanobind;

namespace ntc {
void register_decode(nb::module_&);
void register_entropy(nb::module_&);
void register_fit(nb::module_&);
}  // namespace ntc

NB_MODULE(_core, m) {
  m.def("isa", [] { return std::string(ntc::name(ntc::chosen_isa())); });
  m.def("isas", [] {
    std::vector<std::string> names;
    for (ntc::Isa isa : ntc::supported_isas()) names.emplace_back(ntc::name(isa));
    return names;
  });
  m.def("thread_count", &ntc::thread_count, nb::arg("threads") = 0);
  ntc::register_decode(m);
  ntc::register_entropy(m);
  ntc::register_fit(m);
}
