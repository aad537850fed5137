// Zeroed memory for large tables that are read at random: on huge pages where the system has them, and given
// by it only as pages are touched, so that making a table takes no time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ntc {

class LargeArray {
 public:
  explicit LargeArray(size_t floats) : floats_(floats) {
    const size_t bytes = (floats * sizeof(float) + kPage - 1) / kPage * kPage;
    bytes_ = bytes ? bytes : kPage;
#if defined(__linux__)
    // A page more than asked for: the system aligns to small pages.
    bytes_ += kPage;
    void* mapped = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    memory_ = mapped;
    madvise(data(), bytes_ - kPage, MADV_HUGEPAGE);  // advice: a refusal changes nothing but speed
#else
    memory_ = std::aligned_alloc(kPage, bytes_);
    if (!memory_) throw std::bad_alloc();
    std::memset(memory_, 0, bytes_);
#endif
  }

  ~LargeArray() {
#if defined(__linux__)
    if (memory_) munmap(memory_, bytes_);
#else
    std::free(memory_);
#endif
  }

  LargeArray(LargeArray&& other) noexcept
      : memory_(std::exchange(other.memory_, nullptr)), bytes_(other.bytes_), floats_(other.floats_) {}
  LargeArray& operator=(LargeArray&&) = delete;

  float* data() const {
    const auto address = reinterpret_cast<uintptr_t>(memory_);
    return reinterpret_cast<float*>((address + kPage - 1) / kPage * kPage);
  }
  size_t size() const { return floats_; }

 private:
  static constexpr size_t kPage = size_t{2} << 20;

  void* memory_;
  size_t bytes_, floats_;
};

}  // namespace ntc
