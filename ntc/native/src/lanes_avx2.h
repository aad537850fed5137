// Lanes of AVX2. Activations are pairs of int16: with bytes, vpmaddubsw would saturate (135 * 127 * 2 >
// 32767).
#include <immintrin.h>

#include "lanes_eight.h"

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

inline constexpr int kLanes = 8;
inline constexpr int kTile = 2;  // groups of lanes that a unit's weight is applied to at once
inline constexpr int kPack = 2;  // activations in one word
inline constexpr int kOffset = 0;

using Ints = __m256i;
using Sums = __m256i;
using Words = __m256i;

inline __m256i* cast(void* p) { return static_cast<__m256i*>(p); }
inline const __m256i* cast(const void* p) { return static_cast<const __m256i*>(p); }

inline Ints load(const int32_t* p) { return _mm256_loadu_si256(cast(p)); }
inline void store(int32_t* p, Ints a) { _mm256_storeu_si256(cast(p), a); }
inline Ints broadcast(int32_t n) { return _mm256_set1_epi32(n); }
inline Ints add(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
inline Ints sub(Ints a, Ints b) { return _mm256_sub_epi32(a, b); }
inline Ints mul(Ints a, Ints b) { return _mm256_mullo_epi32(a, b); }
inline Ints both(Ints a, Ints b) { return _mm256_and_si256(a, b); }
inline Ints either(Ints a, Ints b) { return _mm256_or_si256(a, b); }
inline Ints differ(Ints a, Ints b) { return _mm256_xor_si256(a, b); }
inline Ints smaller(Ints a, Ints b) { return _mm256_min_epi32(a, b); }
inline Ints larger(Ints a, Ints b) { return _mm256_max_epi32(a, b); }
inline Ints shift_left(Ints a, int n) { return _mm256_sll_epi32(a, _mm_cvtsi32_si128(n)); }
inline Ints shift_left8(Ints a) { return _mm256_slli_epi32(a, 8); }
inline Ints shift_right(Ints a, int n) { return _mm256_sra_epi32(a, _mm_cvtsi32_si128(n)); }
inline Ints clamp(Ints a, int low, int high) {
  return _mm256_min_epi32(_mm256_max_epi32(a, broadcast(low)), broadcast(high));
}

// table[index], where index < 2 * kLanes.
inline Ints lookup(const int32_t* table, Ints index) {
  const Ints low = _mm256_permutevar8x32_epi32(load(table), index);
  const Ints high = _mm256_permutevar8x32_epi32(load(table + 8), index);
  return _mm256_blendv_epi8(low, high, _mm256_cmpgt_epi32(index, broadcast(7)));
}

inline Ints gather(const void* table, Ints index) {
  return _mm256_i32gather_epi32(static_cast<const int*>(table), index, 4);
}

// The low and the high halves of 64-bit lanes.
inline void split(__m256i a, __m256i b, Ints& low, Ints& high) {
  const auto half = [=](auto shuffled) {
    return _mm256_permute4x64_epi64(_mm256_castps_si256(shuffled), 0xd8);
  };
  low = half(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0x88));
  high = half(_mm256_shuffle_ps(_mm256_castsi256_ps(a), _mm256_castsi256_ps(b), 0xdd));
}

// 64 bits each, from table[2 * index] on.
inline void gather_pairs(const void* table, Ints index, Ints& first, Ints& second) {
  const auto half = [=](__m128i i) {
    return _mm256_i32gather_epi64(static_cast<const long long*>(table), i, 8);
  };
  split(half(_mm256_castsi256_si128(index)), half(_mm256_extracti128_si256(index, 1)), first, second);
}

// The bits of eight codes of each lane: the first four from the lowest bit of `low` on, the others in `high`.
struct Window {
  Ints low, high;
};

// From bit `shift` of byte `from` on.
inline Window load_window(const void* codes, Ints from, Ints shift, Ints width) {
  const auto bits = [=](__m128i from, __m128i shift) {
    const Ints bits = _mm256_i32gather_epi64(static_cast<const long long*>(codes), from, 1);
    return _mm256_srlv_epi64(bits, _mm256_cvtepu32_epi64(shift));
  };
  const auto high = [](Ints bits, __m128i width) {
    return _mm256_srlv_epi64(bits, _mm256_cvtepu32_epi64(_mm_slli_epi32(width, 2)));
  };
  const Ints a = bits(_mm256_castsi256_si128(from), _mm256_castsi256_si128(shift));
  const Ints b = bits(_mm256_extracti128_si256(from, 1), _mm256_extracti128_si256(shift, 1));
  Window window;
  Ints unused;
  split(a, b, window.low, unused);
  split(high(a, _mm256_castsi256_si128(width)), high(b, _mm256_extracti128_si256(width, 1)), window.high,
        unused);
  return window;
}

inline Ints code_mask(Ints width) { return sub(_mm256_sllv_epi32(broadcast(1), width), broadcast(1)); }

// Code number `i` of eight, which have to be taken one after the other.
inline Ints take_code(Window& window, int i, Ints width, Ints mask) {
  if (i == 4) window.low = window.high;
  const Ints code = both(window.low, mask);
  window.low = _mm256_srlv_epi32(window.low, width);
  return code;
}

// Low and high 16 bits of both, multiplied as signed numbers, and added.
inline Ints multiply_pairs(Ints a, Ints b) { return _mm256_madd_epi16(a, b); }

// Of kLanes cells, which lie `step` apart, the first four values: out[i] has value i of all of them.
inline void transpose(const int32_t* cells, ptrdiff_t step, Ints* out) {
  const auto half = [=](int i) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(cells + i * step));
  };
  const auto cells_of = [=](int i) { return _mm256_set_m128i(half(i + 4), half(i)); };
  const Ints a = cells_of(0), b = cells_of(1), c = cells_of(2), d = cells_of(3);
  const Ints ab = _mm256_unpacklo_epi32(a, b), cd = _mm256_unpacklo_epi32(c, d);
  const Ints ef = _mm256_unpackhi_epi32(a, b), gh = _mm256_unpackhi_epi32(c, d);
  out[0] = _mm256_unpacklo_epi64(ab, cd);
  out[1] = _mm256_unpackhi_epi64(ab, cd);
  out[2] = _mm256_unpacklo_epi64(ef, gh);
  out[3] = _mm256_unpackhi_epi64(ef, gh);
}

inline Sums begin(int32_t start) { return broadcast(start); }
inline Ints finish(Sums a, int32_t) { return a; }

inline Words load_words(const uint32_t* p) { return _mm256_loadu_si256(cast(p)); }
inline void accumulate(Sums& sums, Words x, const uint32_t* weight) {
  const Words w = _mm256_set1_epi32(static_cast<int32_t>(*weight));
  sums = _mm256_add_epi32(sums, _mm256_madd_epi16(x, w));
}

// Pairs of 16 bits from two units that vpackssdw left in blocks of four texels.
inline __m256i interleave(__m256i packed) {
  const __m256i order =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
  return _mm256_shuffle_epi8(packed, order);
}

inline void store_pairs(uint32_t* out, int stride, __m256i ab, __m256i cd) {
  _mm256_storeu_si256(cast(out), interleave(ab));
  _mm256_storeu_si256(cast(out + stride), interleave(cd));
}

// Four units, or inputs, of kLanes texels: values -128..127.
inline void store_inputs(uint32_t* out, int stride, const Ints* v) {
  store_pairs(out, stride, _mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
}

inline __m256i activate(__m256i t) {
  const auto all = [](short n) { return _mm256_set1_epi16(n); };
  t = _mm256_min_epi16(_mm256_max_epi16(t, all(-64)), all(127));
  const __m256i gate = _mm256_min_epi16(_mm256_add_epi16(t, all(64)), all(128));
  return _mm256_srai_epi16(_mm256_add_epi16(_mm256_mullo_epi16(t, gate), all(64)), 7);
}

// The activation of section 8.8 comes first.
inline void store_hidden(uint32_t* out, int stride, const Ints* v) {
  store_pairs(out, stride, activate(_mm256_packs_epi32(v[0], v[1])),
              activate(_mm256_packs_epi32(v[2], v[3])));
}

inline void store_floats(float* p, Ints a) {
  _mm256_storeu_ps(p, _mm256_div_ps(_mm256_cvtepi32_ps(a), _mm256_set1_ps(65535.0f)));
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
