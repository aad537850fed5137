// Steps of hidden layers: docs/decisions/0024-steps.md.

#include "fit_vectors.inl"

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

constexpr int whole_vectors(int n) { return (n + kVector - 1) / kVector * kVector; }

size_t orthogonal_floats(int inputs, int stride) {
  const size_t rows = whole_vectors(inputs);
  return 3 * rows * stride + 2 * rows * rows;
}

// Matrices of `rows` times `columns`, both whole vectors.
struct Orthogonal {
  int rows, columns;
  float *x, *next, *transposed, *square, *polynomial;

  Orthogonal(int inputs, int stride, float* memory) : rows(whole_vectors(inputs)), columns(stride) {
    auto take = [&](int count) { return (memory += count) - count; };
    x = take(rows * columns);
    next = take(rows * columns);
    transposed = take(rows * columns);
    square = take(rows * rows);
    polynomial = take(rows * rows);
  }

  void normalize() {
    float sum = 0;
    for (int i = 0; i < rows * columns; i++) sum += x[i] * x[i];
    const float scale = 1.f / (__builtin_sqrtf(sum) + 1e-20f);
    for (int i = 0; i < rows * columns; i++) x[i] *= scale;
  }

  // x = a x + b (x x') x + c (x x')^2 x: each singular value s becomes a s + b s^3 + c s^5.
  void iterate(float a, float b, float c) {
    for (int i = 0; i < rows; i++)
      for (int j = 0; j < columns; j++) transposed[j * rows + i] = x[i * columns + j];
    product(
        x, columns, 1, transposed, rows, rows, rows, columns, [](int, int) { return Vec{}; },
        [&](int row, int column, Vec v) { store(square + row * rows + column, v); });
    product(
        square, rows, 1, square, rows, rows, rows, rows,
        [&](int row, int column) { return load<Vec>(square + row * rows + column) * (b / c); },
        [&](int row, int column, Vec v) { store(polynomial + row * rows + column, v * c); });
    product(
        polynomial, rows, 1, x, columns, rows, columns, rows,
        [&](int row, int column) { return load<Vec>(x + row * columns + column) * a; },
        [&](int row, int column, Vec v) { store(next + row * columns + column, v); });
    float* old = x;
    x = next;
    next = old;
  }
};

// The mean of gradients, looked at one step ahead, with all of its singular values brought to 0.7 .. 1.2 by
// five Newton-Schulz iterations: Jordan et al., "Muon: An optimizer for hidden layers in neural networks",
// 2024, whose coefficients these are.
void orthogonal_step(float* weights, float* means, const float* gradients, int inputs, int stride,
                     float decay, float rate, float* workspace) {
  Orthogonal step(inputs, stride, workspace);
  std::memset(step.x, 0, sizeof(float) * step.rows * stride);
  for (int i = 0; i < inputs * stride; i++) {
    means[i] = gradients[i] + (means[i] - gradients[i]) * decay;
    step.x[i] = gradients[i] + (means[i] - gradients[i]) * decay;
  }
  step.normalize();
  for (int i = 0; i < 5; i++) step.iterate(3.4445f, -4.775f, 2.0315f);
  for (int i = 0; i < inputs * stride; i++) weights[i] -= rate * step.x[i];
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
