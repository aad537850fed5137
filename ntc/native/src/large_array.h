// Zeroed memory for large tables that are read at random: on huge pages where the system has them.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ntc {

class LargeArray {
 public:
  explicit LargeArray(size_t floats) : floats_(floats) {
    constexpr size_t kPage = size_t{2} << 20;
    const size_t bytes = (floats * sizeof(float) + kPage - 1) / kPage * kPage;
    memory_.reset(static_cast<float*>(std::aligned_alloc(kPage, bytes ? bytes : kPage)));
    if (!memory_) throw std::bad_alloc();
#if defined(__linux__)
    madvise(memory_.get(), bytes, MADV_HUGEPAGE);  // advice: a refusal changes nothing but speed
#endif
    std::memset(memory_.get(), 0, floats * sizeof(float));
  }

  float* data() const { return memory_.get(); }
  size_t size() const { return floats_; }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };
  std::unique_ptr<float, Free> memory_;
  size_t floats_;
};

}  // namespace ntc
