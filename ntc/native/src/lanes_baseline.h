// Lanes without intrinsics, in the vectors of GCC and Clang. Activations are floats, in which every sum of
// products is exact (below 2^24): SSE2 can multiply four of them, but not four 32-bit integers.
#include <string.h>

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

inline constexpr int kLanes = 4;
inline constexpr int kTile = 2;  // groups of lanes that a unit's weight is applied to at once
inline constexpr int kPack = 1;  // activations in one word
inline constexpr int kOffset = 0;

typedef int32_t Ints __attribute__((vector_size(16)));
typedef float Floats __attribute__((vector_size(16)));
using Sums = Floats;
using Words = Floats;

inline Ints load(const int32_t* p) {
  Ints a;
  memcpy(&a, p, sizeof a);
  return a;
}

inline void store(int32_t* p, Ints a) { memcpy(p, &a, sizeof a); }
inline Ints broadcast(int32_t n) { return Ints{n, n, n, n}; }
inline Ints add(Ints a, Ints b) { return a + b; }
inline Ints sub(Ints a, Ints b) { return a - b; }
inline Ints mul(Ints a, Ints b) { return a * b; }
inline Ints shift_left8(Ints a) { return a * 256; }
inline Ints shift_right(Ints a, int n) { return a >> n; }
inline Ints smaller(Ints a, Ints b) { return a < b ? a : b; }
inline Ints larger(Ints a, Ints b) { return a > b ? a : b; }
inline Ints clamp(Ints a, int low, int high) { return smaller(larger(a, broadcast(low)), broadcast(high)); }

// table[index], where index < 2 * kLanes.
inline Ints lookup(const int32_t* table, Ints index) {
  return Ints{table[index[0]], table[index[1]], table[index[2]], table[index[3]]};
}

inline Sums begin(int32_t) { return Sums{}; }
inline Ints finish(Sums a, int32_t start) { return __builtin_convertvector(a, Ints) + start; }

inline Words load_words(const uint32_t* p) {
  Words a;
  memcpy(&a, p, sizeof a);
  return a;
}

inline void accumulate(Sums& sums, Words x, const uint32_t* weight) {
  float w;
  memcpy(&w, weight, sizeof w);
  sums += x * w;
}

// Four units, or inputs, of kLanes texels: values -128..127.
inline void store_inputs(uint32_t* out, int stride, const Ints* v) {
  for (int u = 0; u < 4; u++) {
    const Floats values = __builtin_convertvector(v[u], Floats);
    memcpy(out + u * stride, &values, sizeof values);
  }
}

// The activation of section 8.8 comes first.
inline void store_hidden(uint32_t* out, int stride, const Ints* v) {
  Ints active[4];
  for (int u = 0; u < 4; u++) {
    const Ints t = clamp(v[u], -64, 127);
    active[u] = (t * smaller(t + 64, broadcast(128)) + 64) >> 7;
  }
  store_inputs(out, stride, active);
}

inline void store_floats(float* p, Ints a) {
  const Floats values = __builtin_convertvector(a, Floats) / 65535.0f;
  memcpy(p, &values, sizeof values);
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
