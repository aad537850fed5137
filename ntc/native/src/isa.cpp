#include "isa.h"

#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <stdexcept>

#ifdef NTC_HAS_AVX2
#include <cpuid.h>
#endif
#if defined(NTC_HAS_AMX) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace ntc {
namespace {

constexpr const char* kNames[] = {"baseline", "avx2", "avx512", "avx512vnni", "amx"};

#ifdef NTC_HAS_AVX2

struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(uint32_t leaf, uint32_t part = 0) {
  Registers r;
  __get_cpuid_count(leaf, part, &r.a, &r.b, &r.c, &r.d);
  return r;
}

bool has(uint32_t word, std::initializer_list<int> bits) {
  for (int bit : bits) {
    if (!(word >> bit & 1)) return false;
  }
  return true;
}

// XCR0: the register state that the operating system saves. 0 where it saves none.
uint32_t saved_state() {
  if (!has(cpuid(1).c, {27})) return 0;  // OSXSAVE
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

// Linux grants the 8 KiB of tile state only to a process that asks (ARCH_REQ_XCOMP_PERM, XTILEDATA).
bool tiles_granted() {
#if defined(NTC_HAS_AMX) && defined(__linux__)
  return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
#else
  return false;
#endif
}

// Bits as in Intel's manual, volume 2, CPUID.
Isa detect() {
  const uint32_t state = saved_state();
  const Registers one = cpuid(1), seven = cpuid(7);
  if (!has(state, {1, 2}) || !has(one.c, {12, 28, 29}) || !has(seven.b, {5})) return Isa::baseline;
  if (!has(state, {5, 6, 7}) || !has(seven.b, {16, 17, 30, 31})) return Isa::avx2;
  if (!has(seven.c, {11})) return Isa::avx512;
  const bool tiles = has(state, {17, 18}) && has(seven.d, {22, 24, 25}) && has(cpuid(7, 1).a, {5});
  return tiles && tiles_granted() ? Isa::amx : Isa::avx512vnni;
}

#else

Isa detect() { return Isa::baseline; }

#endif

std::string names(const std::vector<Isa>& isas) {
  std::string text;
  for (Isa isa : isas) text += (text.empty() ? "" : ", ") + std::string(name(isa));
  return text;
}

}  // namespace

const char* name(Isa isa) { return kNames[static_cast<int>(isa)]; }

const std::vector<Isa>& supported_isas() {
  static const std::vector<Isa> isas = [] {
    std::vector<Isa> list;
    for (int i = 0; i <= static_cast<int>(detect()); i++) list.push_back(static_cast<Isa>(i));
    return list;
  }();
  return isas;
}

Isa parse_isa(const std::string& text) {
  for (Isa isa : supported_isas()) {
    if (text == name(isa)) return isa;
  }
  bool known = false;
  for (const char* candidate : kNames) known = known || text == candidate;
  throw std::invalid_argument("instruction set `" + text + "` is " +
                              (known ? "not supported here" : "unknown") + ": use " +
                              names(supported_isas()));
}

Isa chosen_isa() {
  const char* forced = std::getenv("NTC_ISA");
  return forced && *forced ? parse_isa(forced) : supported_isas().back();
}

}  // namespace ntc
