// Lanes of AVX-512. With VNNI, activations are four bytes, offset by 128 to be unsigned; else pairs of int16.
#include <immintrin.h>

#include "lanes_eight.h"

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

inline constexpr int kLanes = 16;
inline constexpr int kTile = 4;  // groups of lanes that a unit's weight is applied to at once

using Ints = __m512i;
using Sums = __m512i;
using Words = __m512i;

inline Ints load(const int32_t* p) { return _mm512_loadu_si512(p); }
inline void store(int32_t* p, Ints a) { _mm512_storeu_si512(p, a); }
inline Ints broadcast(int32_t n) { return _mm512_set1_epi32(n); }
inline Ints add(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
inline Ints sub(Ints a, Ints b) { return _mm512_sub_epi32(a, b); }
inline Ints mul(Ints a, Ints b) { return _mm512_mullo_epi32(a, b); }
inline Ints both(Ints a, Ints b) { return _mm512_and_si512(a, b); }
inline Ints either(Ints a, Ints b) { return _mm512_or_si512(a, b); }
inline Ints differ(Ints a, Ints b) { return _mm512_xor_si512(a, b); }
inline Ints smaller(Ints a, Ints b) { return _mm512_min_epi32(a, b); }
inline Ints larger(Ints a, Ints b) { return _mm512_max_epi32(a, b); }
inline Ints shift_left(Ints a, int n) { return _mm512_sll_epi32(a, _mm_cvtsi32_si128(n)); }
inline Ints shift_left8(Ints a) { return _mm512_slli_epi32(a, 8); }
inline Ints shift_right(Ints a, int n) { return _mm512_sra_epi32(a, _mm_cvtsi32_si128(n)); }
inline Ints clamp(Ints a, int low, int high) {
  return _mm512_min_epi32(_mm512_max_epi32(a, broadcast(low)), broadcast(high));
}

// table[index], where index < 2 * kLanes.
inline Ints lookup(const int32_t* table, Ints index) {
  return _mm512_permutex2var_epi32(load(table), index, load(table + 16));
}

inline Ints gather(const void* table, Ints index) { return _mm512_i32gather_epi32(index, table, 4); }

// The low or the high halves of 64-bit lanes.
inline Ints low_halves(__m512i a, __m512i b) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  return _mm512_permutex2var_epi32(a, even, b);
}
inline Ints high_halves(__m512i a, __m512i b) {
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return _mm512_permutex2var_epi32(a, odd, b);
}

// 64 bits each, from table[2 * index] on.
inline void gather_pairs(const void* table, Ints index, Ints& first, Ints& second) {
  const __m512i a = _mm512_i32gather_epi64(_mm512_castsi512_si256(index), table, 8);
  const __m512i b = _mm512_i32gather_epi64(_mm512_extracti64x4_epi64(index, 1), table, 8);
  first = low_halves(a, b);
  second = high_halves(a, b);
}

// The bits of eight codes of each lane: the first four from the lowest bit of `low` on, the others in `high`.
struct Window {
  Ints low, high;
};

// From bit `shift` of byte `from` on.
inline Window load_window(const void* codes, Ints from, Ints shift, Ints width) {
  const auto bits = [=](__m256i from, __m256i shift) {
    return _mm512_srlv_epi64(_mm512_i32gather_epi64(from, codes, 1), _mm512_cvtepu32_epi64(shift));
  };
  const auto high = [](__m512i bits, __m256i width) {
    return _mm512_srlv_epi64(bits, _mm512_cvtepu32_epi64(_mm256_slli_epi32(width, 2)));
  };
  const __m512i a = bits(_mm512_castsi512_si256(from), _mm512_castsi512_si256(shift));
  const __m512i b = bits(_mm512_extracti64x4_epi64(from, 1), _mm512_extracti64x4_epi64(shift, 1));
  return {low_halves(a, b),
          low_halves(high(a, _mm512_castsi512_si256(width)), high(b, _mm512_extracti64x4_epi64(width, 1)))};
}

inline Ints code_mask(Ints width) { return sub(_mm512_sllv_epi32(broadcast(1), width), broadcast(1)); }

// Code number `i` of eight, which have to be taken one after the other.
inline Ints take_code(Window& window, int i, Ints width, Ints mask) {
  if (i == 4) window.low = window.high;
  const Ints code = both(window.low, mask);
  window.low = _mm512_srlv_epi32(window.low, width);
  return code;
}

// Low and high 16 bits of both, multiplied as signed numbers, and added.
inline Ints multiply_pairs(Ints a, Ints b) { return _mm512_madd_epi16(a, b); }

// Of kLanes cells, which lie `step` apart, the first four values: out[i] has value i of all of them.
inline void transpose(const int32_t* cells, ptrdiff_t step, Ints* out) {
  const auto quarter = [=](int i) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(cells + i * step));
  };
  const auto cells_of = [=](int i) {
    const Ints a = _mm512_inserti32x4(_mm512_castsi128_si512(quarter(i)), quarter(i + 4), 1);
    return _mm512_inserti32x4(_mm512_inserti32x4(a, quarter(i + 8), 2), quarter(i + 12), 3);
  };
  const Ints a = cells_of(0), b = cells_of(1), c = cells_of(2), d = cells_of(3);
  const Ints ab = _mm512_unpacklo_epi32(a, b), cd = _mm512_unpacklo_epi32(c, d);
  const Ints ef = _mm512_unpackhi_epi32(a, b), gh = _mm512_unpackhi_epi32(c, d);
  out[0] = _mm512_unpacklo_epi64(ab, cd);
  out[1] = _mm512_unpackhi_epi64(ab, cd);
  out[2] = _mm512_unpacklo_epi64(ef, gh);
  out[3] = _mm512_unpackhi_epi64(ef, gh);
}

inline Sums begin(int32_t start) { return broadcast(start); }
inline Ints finish(Sums a, int32_t) { return a; }

inline Words load_words(const uint32_t* p) { return _mm512_loadu_si512(p); }

inline __m512i activate(__m512i t) {
  const auto all = [](short n) { return _mm512_set1_epi16(n); };
  t = _mm512_min_epi16(_mm512_max_epi16(t, all(-64)), all(127));
  const __m512i gate = _mm512_min_epi16(_mm512_add_epi16(t, all(64)), all(128));
  return _mm512_srai_epi16(_mm512_add_epi16(_mm512_mullo_epi16(t, gate), all(64)), 7);
}

#if NTC_ISA_LEVEL >= 3

inline constexpr int kPack = 4;  // activations in one word
inline constexpr int kOffset = 128;

inline void accumulate(Sums& sums, Words x, const uint32_t* weight) {
  const Words w = _mm512_set1_epi32(static_cast<int32_t>(*weight));
  // Of the intrinsic, GCC 12 copies each sum to another register and back: half the speed.
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(x), "v"(w));
}

// Packing left four texels of each unit together; a word is to hold the four units of one texel.
inline void store_units(uint32_t* out, int, __m512i ab, __m512i cd) {
  const __m512i order =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  const __m512i bytes = _mm512_shuffle_epi8(_mm512_packs_epi16(ab, cd), order);
  _mm512_storeu_si512(out, _mm512_xor_si512(bytes, _mm512_set1_epi8(-128)));
}

#else

inline constexpr int kPack = 2;
inline constexpr int kOffset = 0;

inline void accumulate(Sums& sums, Words x, const uint32_t* weight) {
  const Words w = _mm512_set1_epi32(static_cast<int32_t>(*weight));
  sums = _mm512_add_epi32(sums, _mm512_madd_epi16(x, w));
}

inline void store_units(uint32_t* out, int stride, __m512i ab, __m512i cd) {
  const __m512i order =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
  _mm512_storeu_si512(out, _mm512_shuffle_epi8(ab, order));
  _mm512_storeu_si512(out + stride, _mm512_shuffle_epi8(cd, order));
}

#endif

// Four units, or inputs, of kLanes texels: values -128..127.
inline void store_inputs(uint32_t* out, int stride, const Ints* v) {
  store_units(out, stride, _mm512_packs_epi32(v[0], v[1]), _mm512_packs_epi32(v[2], v[3]));
}

// The activation of section 8.8 comes first.
inline void store_hidden(uint32_t* out, int stride, const Ints* v) {
  store_units(out, stride, activate(_mm512_packs_epi32(v[0], v[1])),
              activate(_mm512_packs_epi32(v[2], v[3])));
}

inline void store_floats(float* p, Ints a) {
  _mm512_storeu_ps(p, _mm512_div_ps(_mm512_cvtepi32_ps(a), _mm512_set1_ps(65535.0f)));
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
