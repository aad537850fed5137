// Eight latents in a vector of AVX2, which AVX-512 uses as well. Included by its lanes.
#include <immintrin.h>

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

using Eight = __m256i;

// Of the codes of each width, where those of either half begin, and the bits that they have.
alignas(16) inline constexpr int32_t kCodeShifts[9][4] = {{0, 0, 0, 0},   {0, 1, 2, 3},   {0, 2, 4, 6},
                                                          {0, 3, 6, 9},   {0, 4, 8, 12},  {0, 5, 10, 15},
                                                          {0, 6, 12, 18}, {0, 7, 14, 21}, {0, 8, 16, 24}};
inline constexpr int32_t kCodeMasks[9] = {0, 1, 3, 7, 15, 31, 63, 127, 255};

inline Eight broadcast8(int32_t n) { return _mm256_set1_epi32(n); }
inline void store8(int32_t* p, Eight a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), a); }
inline Eight add_product(Eight sum, Eight a, int32_t b) {
  return _mm256_add_epi32(sum, _mm256_mullo_epi32(a, _mm256_set1_epi32(b)));
}

// The eight codes of this width that begin at the lowest of these bits.
inline Eight codes_of(uint64_t bits, int width) {
  const __m128i low = _mm_set1_epi32(static_cast<int32_t>(bits));
  const __m128i high = _mm_set1_epi32(static_cast<int32_t>(bits >> (4 * width)));
  const __m128i shifts = _mm_load_si128(reinterpret_cast<const __m128i*>(kCodeShifts[width]));
  const Eight codes = _mm256_srlv_epi32(_mm256_set_m128i(high, low), _mm256_set_m128i(shifts, shifts));
  return _mm256_and_si256(codes, _mm256_set1_epi32(kCodeMasks[width]));
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
