// Binary adaptive range coding. Range coding after Martin, "Range encoding: an algorithm for removing
// redundancy from a digitised message" (1979), with the carry kept back in the encoder as Schindler and LZMA
// do; probabilities adapt as in Howard and Vitter, "Practical implementations of arithmetic coding" (1992), faster
// while they are young.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace ntc {

// How likely a decision is to be 1. It moves by 1/8 of what is missing at first, by 1/128 after 32 decisions.
struct Probability {
  uint16_t one = 1 << 15;  // in 1/65536: 127..65409
  uint8_t age = 0;

  uint32_t in_32768() const { return one >> 1; }
  void adapt(bool is_one) {
    const int shift = 3 + (age >> 3);
    one = static_cast<uint16_t>(is_one ? one + ((65536u - one) >> shift) : one - (one >> shift));
    if (age < 32) age++;
  }
};

inline constexpr uint32_t kLowestRange = 1u << 24;  // below it another byte follows

class RangeEncoder {
 public:
  static constexpr bool kWrites = false;  // what it walks over is read, not written

  bool decide(Probability& probability, bool one) {
    const uint32_t bound = (range_ >> 15) * probability.in_32768();
    if (one) {
      range_ = bound;
    } else {
      low_ += bound;
      range_ -= bound;
    }
    probability.adapt(one);
    normalize();
    return one;
  }

  // The lowest `count` bits of `value`, the highest of them first, each as likely 0 as 1.
  uint32_t raw(int count, uint32_t value) {
    for (int i = count - 1; i >= 0; i--) {
      range_ >>= 1;
      if (value >> i & 1) low_ += range_;
      normalize();
    }
    return value;
  }

  std::vector<uint8_t> finish() {
    for (int i = 0; i < 5; i++) emit();
    return std::move(bytes_);
  }

 private:
  void normalize() {
    while (range_ < kLowestRange) {
      range_ <<= 8;
      emit();
    }
  }

  // Moves the highest byte of `low_` out. A byte and all 255 after it wait for a carry; the first is empty.
  void emit() {
    if (low_ < 0xFF000000u || low_ >> 32) {
      const auto carry = static_cast<uint8_t>(low_ >> 32);
      if (!first_) bytes_.push_back(static_cast<uint8_t>(waiting_ + carry));
      first_ = false;
      for (; full_ > 0; full_--) bytes_.push_back(static_cast<uint8_t>(0xFF + carry));
      waiting_ = static_cast<uint8_t>(low_ >> 24);
    } else {
      full_++;
    }
    low_ = (low_ & 0x00FFFFFFu) << 8;
  }

  uint64_t low_ = 0;  // 33 bits
  uint32_t range_ = 0xFFFFFFFFu;
  uint8_t waiting_ = 0;
  bool first_ = true;
  size_t full_ = 0;
  std::vector<uint8_t> bytes_;
};

// Behind the last byte it reads zeros, so it has to be asked whether it is past the end.
class RangeDecoder {
 public:
  static constexpr bool kWrites = true;

  RangeDecoder(const uint8_t* bytes, size_t size) : next_(bytes), end_(bytes + size) {
    for (int i = 0; i < 4; i++) code_ = code_ << 8 | byte();
  }

  bool decide(Probability& probability, bool) {
    const uint32_t bound = (range_ >> 15) * probability.in_32768();
    const bool one = code_ < bound;
    if (one) {
      range_ = bound;
    } else {
      code_ -= bound;
      range_ -= bound;
    }
    probability.adapt(one);
    normalize();
    return one;
  }

  uint32_t raw(int count, uint32_t = 0) {
    uint32_t value = 0;
    for (int i = 0; i < count; i++) {
      range_ >>= 1;
      const bool one = code_ >= range_;
      if (one) code_ -= range_;
      value = value << 1 | static_cast<uint32_t>(one);
      normalize();
    }
    return value;
  }

  bool past_the_end() const { return missing_ > 0; }
  // Whether all bytes were read, none was missing, and they are those that an encoder ends with.
  bool finished() const { return next_ == end_ && missing_ == 0 && code_ == 0; }

 private:
  void normalize() {
    while (range_ < kLowestRange) {
      range_ <<= 8;
      code_ = code_ << 8 | byte();
    }
  }

  uint32_t byte() {
    if (next_ != end_) return *next_++;
    missing_++;
    return 0;
  }

  const uint8_t* next_;
  const uint8_t* end_;
  uint64_t missing_ = 0;
  uint32_t range_ = 0xFFFFFFFFu, code_ = 0;
};

}  // namespace ntc
