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
typedef uint32_t Unsigned __attribute__((vector_size(16)));
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
// Like instructions, these wrap: what vectors reach past the last column may be anything.
inline Ints add(Ints a, Ints b) { return (Ints)((Unsigned)a + (Unsigned)b); }
inline Ints sub(Ints a, Ints b) { return (Ints)((Unsigned)a - (Unsigned)b); }
inline Ints mul(Ints a, Ints b) { return (Ints)((Unsigned)a * (Unsigned)b); }
inline Ints both(Ints a, Ints b) { return a & b; }
inline Ints either(Ints a, Ints b) { return a | b; }
inline Ints differ(Ints a, Ints b) { return a ^ b; }
inline Ints shift_left(Ints a, int n) { return (Ints)((Unsigned)a << n); }
inline Ints shift_left8(Ints a) { return shift_left(a, 8); }
inline Ints shift_right(Ints a, int n) { return a >> n; }
inline Ints smaller(Ints a, Ints b) { return a < b ? a : b; }
inline Ints larger(Ints a, Ints b) { return a > b ? a : b; }
inline Ints clamp(Ints a, int low, int high) { return smaller(larger(a, broadcast(low)), broadcast(high)); }

// table[index], where index < 2 * kLanes.
inline Ints lookup(const int32_t* table, Ints index) {
  return Ints{table[index[0]], table[index[1]], table[index[2]], table[index[3]]};
}

inline Ints gather(const void* table, Ints index) {
  return lookup(static_cast<const int32_t*>(table), index);
}

// 64 bits each, from table[2 * index] on.
inline void gather_pairs(const void* table, Ints index, Ints& first, Ints& second) {
  first = gather(table, 2 * index);
  second = gather(table, 2 * index + 1);
}

// The bits of eight codes of each lane.
struct Window {
  uint64_t bits[kLanes];
};

// From bit `shift` of byte `from` on.
inline Window load_window(const void* codes, Ints from, Ints shift, Ints) {
  Window window;
  for (int i = 0; i < kLanes; i++) {
    uint64_t bits;
    memcpy(&bits, static_cast<const char*>(codes) + from[i], sizeof bits);
    window.bits[i] = bits >> (shift[i] & 63);
  }
  return window;
}

inline Ints code_mask(Ints width) { return (Ints{1, 1, 1, 1} << width) - 1; }

// Code number `i` of eight, which have to be taken one after the other.
inline Ints take_code(Window& window, int, Ints width, Ints mask) {
  Ints code;
  for (int i = 0; i < kLanes; i++) {
    code[i] = static_cast<int32_t>(window.bits[i]) & mask[i];
    window.bits[i] >>= width[i];
  }
  return code;
}

// Low and high 16 bits of both, multiplied as signed numbers, and added: the sum is below 2^24.
inline Ints multiply_pairs(Ints a, Ints b) {
  const auto low = [](Ints v) { return __builtin_convertvector(v << 16 >> 16, Floats); };
  const auto high = [](Ints v) { return __builtin_convertvector(v >> 16, Floats); };
  return __builtin_convertvector(low(a) * low(b) + high(a) * high(b), Ints);
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

// Eight latents, or sums of them.
struct Eight {
  Ints low, high;
};

inline Eight broadcast8(int32_t n) { return {broadcast(n), broadcast(n)}; }
inline void store8(int32_t* p, Eight a) {
  store(p, a.low);
  store(p + 4, a.high);
}

// The eight codes of this width that begin at the lowest of these bits.
inline Eight codes_of(uint64_t bits, int width) {
  const int32_t mask = (1 << width) - 1;
  int32_t codes[8];
  for (int i = 0; i < 8; i++, bits >>= width) codes[i] = static_cast<int32_t>(bits) & mask;
  return {load(codes), load(codes + 4)};
}

inline Eight add_product(Eight sum, Eight a, int32_t b) {
  return {add(sum.low, mul(a.low, broadcast(b))), add(sum.high, mul(a.high, broadcast(b)))};
}

// Of kLanes cells, which lie `step` apart, the first four values: out[i] has value i of all of them.
inline void transpose(const int32_t* cells, ptrdiff_t step, Ints* out) {
  for (int i = 0; i < 4; i++) {
    out[i] = Ints{cells[i], cells[step + i], cells[2 * step + i], cells[3 * step + i]};
  }
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
