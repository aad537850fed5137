// Instruction sets that kernels are compiled for, and the one to use on this machine.
#pragma once

#include <string>
#include <vector>

namespace ntc {

// In rising order: a machine of one level also runs those before it.
enum class Isa {
  baseline,    // what the compiler targets by default; no intrinsics
  avx2,        // AVX2, FMA, F16C
  avx512,      // F, BW, DQ, VL
  avx512vnni,  // int8 dot products
  amx,         // tiles of int8 and bf16, and AVX512-BF16
};

const char* name(Isa isa);

// Levels that were compiled in and that processor and operating system allow, in rising order.
const std::vector<Isa>& supported_isas();

// The level of this name. Throws std::invalid_argument if it is unknown or not supported here.
Isa parse_isa(const std::string& text);

// The level that $NTC_ISA names, else the highest supported one. Throws like parse_isa.
Isa chosen_isa();

}  // namespace ntc
