// Vectors of one instruction set, and the matrix product that all layers are made of. Texels are rows,
// features are columns: every product is "broadcast one element, multiply a row of vectors", and nothing is
// transposed but the weights.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX512F__)
#define NTC_VECTOR 16
#elif defined(__AVX2__)
#define NTC_VECTOR 8
#else
#define NTC_VECTOR 4
#endif

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

constexpr int kVector = NTC_VECTOR;
using Vec = float __attribute__((vector_size(4 * kVector)));
using IntVec = int32_t __attribute__((vector_size(4 * kVector)));
using Vec4 = float __attribute__((vector_size(16)));
using IntVec4 = int32_t __attribute__((vector_size(16)));
using UintVec4 = uint32_t __attribute__((vector_size(16)));

#define NTC_INLINE inline __attribute__((always_inline))

template <class V>
NTC_INLINE V load(const float* p) {
  V v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class V>
NTC_INLINE void store(float* p, V v) {
  std::memcpy(p, &v, sizeof v);
}
template <class V>
NTC_INLINE V smaller(V a, V b) {
  return a < b ? a : b;
}
template <class V>
NTC_INLINE V larger(V a, V b) {
  return a > b ? a : b;
}

// C[row][column] = init + sum over k of A(row, k) * B[k][column], for one block of registers.
template <int Rows, int Vectors, class Init, class Epilogue>
NTC_INLINE void block(const float* a, int row_step, int k_step, const float* b, int b_stride, int depth,
                      int row, int column, const Init& init, const Epilogue& epilogue) {
  Vec sums[Rows][Vectors];
#pragma GCC unroll 8
  for (int i = 0; i < Rows; i++)
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; j++) sums[i][j] = init(row + i, column + j * kVector);
  a += static_cast<ptrdiff_t>(row) * row_step;
  b += column;
#pragma GCC unroll 2
  for (int k = 0; k < depth; k++) {
    Vec columns[Vectors];
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; j++)
      columns[j] = load<Vec>(b + static_cast<ptrdiff_t>(k) * b_stride + j * kVector);
#pragma GCC unroll 8
    for (int i = 0; i < Rows; i++) {
      const float s = a[i * row_step + static_cast<ptrdiff_t>(k) * k_step];
#pragma GCC unroll 4
      for (int j = 0; j < Vectors; j++) sums[i][j] += columns[j] * s;
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; i++)
#pragma GCC unroll 4
    for (int j = 0; j < Vectors; j++) epilogue(row + i, column + j * kVector, sums[i][j]);
}

// Vectors a block keeps: 4 rows of them and one row of B fit the register file.
constexpr int kWide = kVector == 16 ? 4 : 2;

// `rows` is a multiple of 4, `columns` of the vector.
template <class Init, class Epilogue>
NTC_INLINE void product(const float* a, int row_step, int k_step, const float* b, int b_stride, int rows,
                        int columns, int depth, const Init& init, const Epilogue& epilogue) {
  int column = 0;
  for (; column + kWide * kVector <= columns; column += kWide * kVector)
    for (int row = 0; row < rows; row += 4)
      block<4, kWide>(a, row_step, k_step, b, b_stride, depth, row, column, init, epilogue);
  if constexpr (kWide == 4)
    for (; column + 2 * kVector <= columns; column += 2 * kVector)
      for (int row = 0; row < rows; row += 4)
        block<4, 2>(a, row_step, k_step, b, b_stride, depth, row, column, init, epilogue);
  for (; column < columns; column += kVector) {
    int row = 0;
    for (; row + 8 <= rows; row += 8)
      block<8, 1>(a, row_step, k_step, b, b_stride, depth, row, column, init, epilogue);
    for (; row < rows; row += 4)
      block<4, 1>(a, row_step, k_step, b, b_stride, depth, row, column, init, epilogue);
  }
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
