// Binary adaptive range coding. Range coding after Martin, "Range encoding: an algorithm for removing
// redundancy from a digitised message" (1979), with the carry kept back in the encoder as Schindler and LZMA
// do; probabilities adapt as in Howard and Vitter, "Practical implementations of arithmetic coding" (1992),
// faster while they are young.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace ntc {

// All ones for yes, 0 for no: decisions that a processor cannot predict are masks, not branches.
using Flag = uint32_t;
constexpr Flag flag(bool yes) { return 0u - Flag{yes}; }
constexpr uint32_t choose(Flag flag, uint32_t yes, uint32_t no) { return no ^ ((yes ^ no) & flag); }

// How likely a decision is to be 1. It moves by 1/8 of what is missing at first, by 1/128 after 32 decisions.
struct Probability {
  uint32_t one = 1 << 15;  // in 1/65536: 127..65409
  uint32_t age = 0;

  // Learns from a decision if it was asked for.
  void adapt(Flag is_one, Flag asked) {
    if (age == kAdult) [[likely]] {
      one -= decrease(7, one & asked, is_one & asked);
    } else {
      one -= decrease(3 + (age >> 3), one & asked, is_one & asked);
      age += asked & 1;
    }
  }

 private:
  static constexpr uint32_t kAdult = 32;

  // one >> shift, or the negative of (65536 - one) >> shift: as `>>` rounds down, it is one more.
  static uint32_t decrease(uint32_t shift, uint32_t one, Flag is_one) {
    return static_cast<uint32_t>(static_cast<int32_t>(one + (is_one & ((1u << shift) - 1 - 65536u))) >>
                                 shift);
  }
};

inline constexpr uint32_t kLowestRange = 1u << 24;  // below it another byte follows
// How far to the left to move a range of 2^8 or more so that it is not below: 0, 8 or 16.
inline uint32_t missing_bits(uint32_t range) {
  return static_cast<uint32_t>(std::countl_zero(range | 1)) & 24;
}

class RangeEncoder {
 public:
  static constexpr bool kWrites = false;  // what it walks over is read, not written

  bool decide(Probability& probability, bool one) {
    const uint32_t bound = (range_ >> 15) * (probability.one >> 1);
    if (one) {
      range_ = bound;
    } else {
      low_ += bound;
      range_ -= bound;
    }
    probability.adapt(flag(one), flag(true));
    normalize();
    return one;
  }

  // A decision if it is asked for, otherwise nothing and 0.
  Flag decide_if(Flag asked, Probability& probability, bool one) {
    return asked ? flag(decide(probability, one)) : 0;
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

// The bytes of a chunk and zeros behind them: a decoder need not ask for every byte whether there is one.
class PaddedBytes {
 public:
  // What may be read between two calls of RangeDecoder::stay(): 16 decisions of 2 bytes for each code of a
  // line of a tile, with what is looked ahead.
  static constexpr size_t kPadding = 64 * 32 * 16 * 2 + 8;

  PaddedBytes(const uint8_t* bytes, size_t size) : bytes_(size + kPadding), size_(size) {
    std::copy_n(bytes, size, bytes_.begin());
  }
  const uint8_t* begin() const { return bytes_.data(); }
  const uint8_t* end() const { return bytes_.data() + size_; }

 private:
  std::vector<uint8_t> bytes_;
  size_t size_;
};

// Behind the last byte it reads zeros, so it has to be asked whether it is past the end. A copy goes on where
// the original is.
class RangeDecoder {
 public:
  static constexpr bool kWrites = true;

  explicit RangeDecoder(const PaddedBytes& bytes) : next_(bytes.begin() + 4), end_(bytes.end()) {
    code_ = load_big_endian(bytes.begin());
  }

  bool decide(Probability& probability, bool) { return decide_if(flag(true), probability, false) != 0; }

  // Without branches: a bound of 0 decides for 0, and changes nothing.
  [[gnu::always_inline]] Flag decide_if(Flag asked, Probability& probability, bool) {
    const uint32_t bound = (range_ >> 15) * ((probability.one & asked) >> 1);
    const Flag one = flag(code_ < bound);
    probability.adapt(one, asked);
    range_ = choose(one, bound, range_ - bound);
    code_ = code_ - bound + (bound & one);
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

  // Goes back to the end of the bytes if it is past it.
  void stay() {
    if (next_ <= end_) return;
    past_the_end_ = true;
    next_ = end_;
  }
  bool past_the_end() const { return past_the_end_ || next_ > end_; }
  // Whether all bytes were read, none was missing, and they are those that an encoder ends with.
  bool finished() const { return next_ == end_ && !past_the_end_ && code_ == 0; }

 private:
  static uint32_t load_big_endian(const uint8_t* at) {
    return uint32_t{at[0]} << 24 | uint32_t{at[1]} << 16 | uint32_t{at[2]} << 8 | at[3];
  }

  void normalize() {
    const uint32_t bits = missing_bits(range_);
    range_ <<= bits;
    code_ = static_cast<uint32_t>((uint64_t{code_} << 32 | load_big_endian(next_)) << bits >> 32);
    next_ += bits >> 3;
  }

  const uint8_t* next_;
  const uint8_t* end_;
  bool past_the_end_ = false;
  uint32_t range_ = 0xFFFFFFFFu, code_;
};

}  // namespace ntc
