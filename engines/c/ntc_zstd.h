// ntc_zstd.h: a part of ntc.h, which includes it unless NTC_UNZSTD is defined. One frame of zstd (RFC 8878)
// into memory of a known size, and no more of it.

enum { NTCI_BLOCK_MOST = 1 << 17, NTCI_CODE_BITS_MOST = 11, NTCI_OFFSET_BITS = 30 };

typedef struct {
  uint8_t symbol, bits;
  uint16_t base;
} ntci_state;

typedef struct {
  bool ready;
  uint32_t log;
  ntci_state states[512];
} ntci_fse;

typedef struct {
  const uint8_t *at, *end;  // of the frame
  uint8_t* out;
  uint32_t done, size;
  uint32_t recent[3];  // distances
  ntci_fse tables[3];  // literal lengths, offsets, match lengths
  ntci_fse weights;
  uint32_t code_bits;                          // of the longest Huffman code; 0: there is none to repeat
  ntci_state codes[1 << NTCI_CODE_BITS_MOST];  // what the next `code_bits` bits begin with: symbol and bits
  uint32_t literal_count;
  uint8_t literals[NTCI_BLOCK_MOST];
} ntci_zstd;

// Bits from the end of some bytes on, whose last byte ends with a 1 as a mark.
typedef struct {
  const uint8_t* bytes;
  uint32_t size;
  int32_t left;  // below 0 if more were taken than there are
} ntci_bits;

#define NTCI_SOUND(ok)       \
  do {                       \
    if (!(ok)) return false; \
  } while (0)

// Bytes that are left before `to`.
static size_t ntci_rest(const ntci_zstd* z, const uint8_t* to) { return (size_t)(to - z->at); }

static bool ntci_start_bits(ntci_bits* bits, const uint8_t* from, const uint8_t* to) {
  NTCI_SOUND(from < to && to[-1] != 0);
  bits->bytes = from;
  bits->size = (uint32_t)(to - from);
  bits->left = (int32_t)(8 * (bits->size - 1) + ntci_highest_bit(to[-1]));
  return true;
}

// `count` bits, at most 24, from bit `bit` on; zeros after the last byte.
static uint32_t ntci_bits_at(const uint8_t* bytes, uint32_t size, uint32_t bit, uint32_t count) {
  uint32_t i = bit >> 3, four = 0;
  if (i + 4 <= size) {
    four = ntci_u32(bytes + i);
  } else {
    for (uint32_t k = 0; i + k < size; k++) four |= (uint32_t)bytes[i + k] << (8 * k);
  }
  return (four >> (bit & 7)) & ((1u << count) - 1);
}

// The next bits; those before the first are zeros.
static uint32_t ntci_peek(const ntci_bits* bits, uint32_t count) {
  int32_t at = bits->left - (int32_t)count;
  if (at >= 0) return ntci_bits_at(bits->bytes, bits->size, (uint32_t)at, count);
  return bits->left > 0 ? ntci_bits_at(bits->bytes, bits->size, 0, (uint32_t)bits->left) << -at : 0;
}

static uint32_t ntci_take(ntci_bits* bits, uint32_t count) {
  uint32_t value = ntci_peek(bits, count);
  bits->left -= (int32_t)count;
  return value;
}

// The table for these numbers of states; -1 is one state, of those that read most bits.
static void ntci_make_fse(ntci_fse* table, const int16_t* counts, uint32_t symbols, uint32_t log) {
  uint16_t next[256];
  uint32_t size = 1u << log, high = size, at = 0, step = (size >> 1) + (size >> 3) + 3;
  for (uint32_t symbol = 0; symbol < symbols; symbol++) {
    next[symbol] = counts[symbol] < 0 ? 1 : (uint16_t)counts[symbol];
    if (counts[symbol] < 0) table->states[--high].symbol = (uint8_t)symbol;
  }
  for (uint32_t symbol = 0; symbol < symbols; symbol++) {
    for (int32_t i = 0; i < counts[symbol]; i++) {
      table->states[at].symbol = (uint8_t)symbol;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  }
  for (uint32_t i = 0; i < size; i++) {
    ntci_state* state = &table->states[i];
    uint32_t number = next[state->symbol]++;
    state->bits = (uint8_t)(log - ntci_highest_bit(number));
    state->base = (uint16_t)((number << state->bits) - size);
  }
  table->log = log;
  table->ready = true;
}

// The table at `z->at`, of at most `symbols` symbols, which ends before `to`.
static bool ntci_read_fse(ntci_zstd* z, const uint8_t* to, uint32_t most_log, uint32_t symbols,
                          ntci_fse* table) {
  int16_t counts[256];
  NTCI_SOUND(z->at < to);
  const uint8_t* bytes = z->at;
  uint32_t size = (uint32_t)(to - bytes), bit = 4, found = 0, log = 5 + ntci_bits_at(bytes, size, 0, 4);
  NTCI_SOUND(log <= most_log);
  for (int32_t left = 1 << log; left > 0;) {
    uint32_t width = ntci_highest_bit((uint32_t)left + 1) + 1, half = (1u << (width - 1)) - 1;
    uint32_t value = ntci_bits_at(bytes, size, bit, width), few = (1u << width) - 2 - (uint32_t)left;
    if ((value & half) < few) {
      bit += width - 1;
      value &= half;
    } else {
      bit += width;
      if (value > half) value -= few;
    }
    NTCI_SOUND(found < symbols);
    counts[found++] = (int16_t)((int32_t)value - 1);
    left -= value == 0 ? 1 : (int32_t)value - 1;
    NTCI_SOUND(left >= 0);
    for (uint32_t more = value == 1 ? 3 : 0; more == 3; bit += 2) {
      more = ntci_bits_at(bytes, size, bit, 2);
      NTCI_SOUND(found + more <= symbols && bit < 8 * size);
      for (uint32_t i = 0; i < more; i++) counts[found++] = 0;
    }
  }
  NTCI_SOUND(bit <= 8 * size);
  z->at += (bit + 7) >> 3;
  ntci_make_fse(table, counts, found, log);
  return true;
}

// The weights of symbols, from two states that take turns until the bits are used up.
static bool ntci_read_weights(ntci_zstd* z, const uint8_t* to, uint8_t* weights, uint32_t* count) {
  ntci_bits bits;
  NTCI_SOUND(ntci_read_fse(z, to, 6, 256, &z->weights) && ntci_start_bits(&bits, z->at, to));
  uint32_t states[2];
  states[0] = ntci_take(&bits, z->weights.log);
  states[1] = ntci_take(&bits, z->weights.log);
  NTCI_SOUND(bits.left >= 0);
  for (uint32_t turn = 0;; turn ^= 1) {
    ntci_state state = z->weights.states[states[turn]];
    NTCI_SOUND(*count < 254);
    weights[(*count)++] = state.symbol;
    states[turn] = state.base + ntci_take(&bits, state.bits);
    if (bits.left < 0) {
      weights[(*count)++] = z->weights.states[states[turn ^ 1]].symbol;
      return true;
    }
  }
}

static bool ntci_read_huffman(ntci_zstd* z, const uint8_t* to) {
  uint8_t weights[256];
  uint32_t count = 0, sum = 0, ones = 0, at = 0;
  NTCI_SOUND(z->at < to);
  uint32_t head = *z->at++, size = head >= 128 ? (head - 126) >> 1 : head;
  NTCI_SOUND(size <= ntci_rest(z, to));
  const uint8_t* end = z->at + size;
  if (head >= 128) {
    for (; count < head - 127; count++) weights[count] = z->at[count >> 1] >> (count & 1 ? 0 : 4) & 15;
  } else {
    NTCI_SOUND(ntci_read_weights(z, end, weights, &count));
  }
  for (uint32_t i = 0; i < count; i++) {
    NTCI_SOUND(weights[i] <= NTCI_CODE_BITS_MOST);
    sum += weights[i] ? 1u << (weights[i] - 1) : 0;
  }
  NTCI_SOUND(sum > 0);
  uint32_t bits = ntci_highest_bit(sum) + 1, rest = (1u << bits) - sum;
  NTCI_SOUND(bits <= NTCI_CODE_BITS_MOST && (rest & (rest - 1)) == 0);
  weights[count++] = (uint8_t)(ntci_highest_bit(rest) + 1);
  for (uint32_t i = 0; i < count; i++) ones += weights[i] == 1;
  NTCI_SOUND(ones >= 2 && ones % 2 == 0);
  for (uint32_t weight = 1; weight <= bits; weight++) {
    for (uint32_t symbol = 0; symbol < count; symbol++) {
      if (weights[symbol] != weight) continue;
      for (uint32_t i = 0; i < 1u << (weight - 1); i++, at++) {
        z->codes[at].symbol = (uint8_t)symbol;
        z->codes[at].bits = (uint8_t)(bits + 1 - weight);
      }
    }
  }
  z->code_bits = bits;
  z->at = end;
  return true;
}

// `count` literals from one stream, which has to end with the last of them.
static bool ntci_read_stream(ntci_zstd* z, const uint8_t* to, uint8_t* out, uint32_t count) {
  ntci_bits bits;
  NTCI_SOUND(ntci_start_bits(&bits, z->at, to));
  z->at = to;
  for (uint32_t i = 0; i < count && bits.left >= 0; i++) {
    ntci_state code = z->codes[ntci_peek(&bits, z->code_bits)];
    out[i] = code.symbol;
    bits.left -= code.bits;
  }
  return bits.left == 0;
}

// Literals in one stream, or in four after the sizes of the first three.
static bool ntci_read_coded(ntci_zstd* z, const uint8_t* to, bool own, bool four) {
  if (own) NTCI_SOUND(ntci_read_huffman(z, to));
  NTCI_SOUND(z->code_bits > 0);
  if (!four) return ntci_read_stream(z, to, z->literals, z->literal_count);
  const uint8_t* sizes = z->at;
  uint32_t part = (z->literal_count + 3) >> 2;
  NTCI_SOUND(ntci_rest(z, to) >= 6 && 3 * part <= z->literal_count);
  z->at += 6;
  for (uint32_t i = 0; i < 3; i++) {
    uint32_t size = ntci_u16(sizes + 2 * i);
    NTCI_SOUND(size <= ntci_rest(z, to) && ntci_read_stream(z, z->at + size, z->literals + i * part, part));
  }
  return ntci_read_stream(z, to, z->literals + 3 * part, z->literal_count - 3 * part);
}

// A number of so many bytes, at most 8.
static bool ntci_read_number(const uint8_t** at, const uint8_t* to, uint32_t width, uint64_t* number) {
  NTCI_SOUND(width <= (size_t)(to - *at));
  *number = 0;
  for (uint32_t i = 0; i < width; i++) *number |= (uint64_t)*(*at)++ << (8 * i);
  return true;
}

static bool ntci_read_literals(ntci_zstd* z, const uint8_t* to) {
  static const uint8_t kPlainBytes[4] = {1, 2, 1, 3}, kCodedBytes[4] = {3, 3, 4, 5},
                       kBits[4] = {10, 10, 14, 18};
  NTCI_SOUND(z->at < to);
  uint32_t kind = *z->at & 3, form = *z->at >> 2 & 3, stored;
  uint64_t sizes;
  NTCI_SOUND(ntci_read_number(&z->at, to, kind < 2 ? kPlainBytes[form] : kCodedBytes[form], &sizes));
  if (kind < 2) {
    z->literal_count = (uint32_t)(sizes >> (form & 1 ? 4 : 3));
    stored = kind == 1 ? 1 : z->literal_count;
  } else {
    z->literal_count = (uint32_t)(sizes >> 4) & ((1u << kBits[form]) - 1);
    stored = (uint32_t)(sizes >> 4 >> kBits[form]);
  }
  NTCI_SOUND(z->literal_count <= NTCI_BLOCK_MOST && stored <= ntci_rest(z, to));
  if (kind >= 2) return ntci_read_coded(z, z->at + stored, kind == 2, form > 0);
  if (kind == 1) memset(z->literals, *z->at, z->literal_count);
  if (kind == 0) memcpy(z->literals, z->at, stored);
  z->at += stored;
  return true;
}

static bool ntci_read_sequence_table(ntci_zstd* z, uint32_t i, uint32_t mode, const uint8_t* to) {
  static const uint8_t kLogs[3] = {9, 8, 9}, kUsualLogs[3] = {6, 5, 6}, kSymbols[3] = {36, 32, 53};
  static const uint8_t kUsualSymbols[3] = {36, 29, 53};
  static const int16_t kUsual[3][53] = {
      {4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,  1,  2,  2,
       2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1},
      {1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1},
      {1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,  1,  1,  1,  1,  1,  1, 1,
       1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1}};
  ntci_fse* table = &z->tables[i];
  if (mode == 0) ntci_make_fse(table, kUsual[i], kUsualSymbols[i], kUsualLogs[i]);
  if (mode == 1) {
    NTCI_SOUND(z->at < to && *z->at < kSymbols[i]);
    int16_t counts[53] = {0};
    counts[*z->at++] = 1;
    ntci_make_fse(table, counts, kSymbols[i], 0);
  }
  if (mode == 2) NTCI_SOUND(ntci_read_fse(z, to, kLogs[i], kSymbols[i], table));
  return table->ready;
}

static bool ntci_copy_literals(ntci_zstd* z, uint32_t* used, uint32_t count) {
  NTCI_SOUND(count <= z->literal_count - *used && count <= z->size - z->done);
  memcpy(z->out + z->done, z->literals + *used, count);
  *used += count;
  z->done += count;
  return true;
}

static bool ntci_copy_match(ntci_zstd* z, uint32_t distance, uint32_t length) {
  NTCI_SOUND(distance > 0 && distance <= z->done && length <= z->size - z->done);
  uint8_t* out = z->out + z->done;
  for (uint32_t i = 0; i < length; i++) out[i] = out[(ptrdiff_t)i - (ptrdiff_t)distance];
  z->done += length;
  return true;
}

// How far back a match lies: values up to 3 are those of the last matches.
static uint32_t ntci_distance(ntci_zstd* z, uint32_t value, bool literals) {
  uint32_t *recent = z->recent, at = literals ? value - 1 : value;
  uint32_t found = value > 3 ? value - 3 : at == 3 ? recent[0] - 1 : recent[at];
  if (value > 3 || at >= 2) recent[2] = recent[1];
  if (value > 3 || at >= 1) recent[1] = recent[0];
  return recent[0] = found;
}

// The value of a length code: codes below `plain` are values, later ones add bits to where the last one
// ended.
static uint32_t ntci_length(ntci_bits* bits, uint32_t code, uint32_t plain, const uint8_t* extra) {
  if (code < plain) return code;
  uint32_t base = plain;
  for (uint32_t i = plain; i < code; i++) base += 1u << extra[i - plain];
  return base + ntci_take(bits, extra[code - plain]);
}

static bool ntci_run_sequences(ntci_zstd* z, const uint8_t* to, uint32_t count) {
  static const uint8_t kLiteralBits[20] = {1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  static const uint8_t kMatchBits[21] = {1, 1, 1, 1,  2,  2,  3,  3,  4,  4, 5,
                                         7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  uint32_t at[3], used = 0;
  ntci_bits bits;
  NTCI_SOUND(z->at < to);
  uint32_t modes = *z->at++;
  NTCI_SOUND((modes & 3) == 0);
  for (uint32_t i = 0; i < 3; i++) NTCI_SOUND(ntci_read_sequence_table(z, i, modes >> (6 - 2 * i) & 3, to));
  NTCI_SOUND(ntci_start_bits(&bits, z->at, to));
  for (uint32_t i = 0; i < 3; i++) at[i] = ntci_take(&bits, z->tables[i].log);
  for (uint32_t n = 0; n < count; n++) {
    ntci_state literal = z->tables[0].states[at[0]], offset = z->tables[1].states[at[1]];
    ntci_state match = z->tables[2].states[at[2]];
    NTCI_SOUND(offset.symbol < NTCI_OFFSET_BITS && bits.left >= 0);
    uint32_t high = offset.symbol > 16 ? ntci_take(&bits, offset.symbol - 16u) << 16 : 0;
    uint32_t value = (1u << offset.symbol) + high + ntci_take(&bits, ntci_min(offset.symbol, 16));
    uint32_t length = 3 + ntci_length(&bits, match.symbol, 32, kMatchBits);
    uint32_t plain = ntci_length(&bits, literal.symbol, 16, kLiteralBits);
    NTCI_SOUND(ntci_copy_literals(z, &used, plain));
    NTCI_SOUND(ntci_copy_match(z, ntci_distance(z, value, plain > 0), length));
    if (n + 1 == count) break;
    at[0] = literal.base + ntci_take(&bits, literal.bits);
    at[2] = match.base + ntci_take(&bits, match.bits);
    at[1] = offset.base + ntci_take(&bits, offset.bits);
  }
  return bits.left == 0 && ntci_copy_literals(z, &used, z->literal_count - used);
}

static bool ntci_read_packed(ntci_zstd* z, const uint8_t* to) {
  uint64_t count, more = 0;
  uint32_t before = z->done, used = 0;
  NTCI_SOUND(ntci_read_literals(z, to) && ntci_read_number(&z->at, to, 1, &count));
  if (count > 127) NTCI_SOUND(ntci_read_number(&z->at, to, count == 255 ? 2 : 1, &more));
  if (count > 127) count = count == 255 ? more + 0x7f00 : (count - 128) * 256 + more;
  if (count > 0) NTCI_SOUND(ntci_run_sequences(z, to, (uint32_t)count));
  if (count == 0) NTCI_SOUND(z->at == to && ntci_copy_literals(z, &used, z->literal_count));
  z->at = to;
  return z->done - before <= NTCI_BLOCK_MOST;
}

// A block of bytes as they are, of one byte, or packed.
static bool ntci_read_block(ntci_zstd* z, uint32_t kind, uint32_t size) {
  uint32_t stored = kind == 1 ? 1 : size;
  NTCI_SOUND(kind < 3 && size <= NTCI_BLOCK_MOST && stored <= ntci_rest(z, z->end));
  if (kind == 2) return ntci_read_packed(z, z->at + stored);
  NTCI_SOUND(size <= z->size - z->done);
  if (kind == 0) memcpy(z->out + z->done, z->at, size);
  if (kind == 1) memset(z->out + z->done, *z->at, size);
  z->at += stored;
  z->done += size;
  return true;
}

// Reads the beginning of a frame that declares `size` bytes; `hash_bytes` follow its last block.
static bool ntci_read_head(const uint8_t** at, const uint8_t* end, uint32_t size, uint32_t* hash_bytes) {
  static const uint8_t kDictionaryBytes[4] = {0, 1, 2, 4};
  uint64_t magic, flags, number;
  NTCI_SOUND(ntci_read_number(at, end, 4, &magic) && magic == 0xfd2fb528u);
  NTCI_SOUND(ntci_read_number(at, end, 1, &flags) && (flags & 8) == 0);
  uint32_t single = flags >> 5 & 1, width = flags >> 6 ? 1u << (flags >> 6) : single;
  NTCI_SOUND(ntci_read_number(at, end, 1 - single, &number));  // how far back it refers: all of it is kept
  NTCI_SOUND(ntci_read_number(at, end, kDictionaryBytes[flags & 3], &number) && number == 0);
  NTCI_SOUND(width > 0 && ntci_read_number(at, end, width, &number));
  *hash_bytes = flags & 4;
  return number == size - (width == 2 ? 256 : 0);
}

enum { NTCI_ZSTD_SCRATCH = sizeof(ntci_zstd) };

// The content of the frame that lies from `from` to `end`, exactly `size` bytes.
static bool ntci_read_zstd(void* scratch, uint8_t* out, uint32_t size, const uint8_t* from,
                           const uint8_t* end) {
  ntci_zstd* z = (ntci_zstd*)scratch;
  uint32_t hash_bytes;
  uint64_t block;
  memset(z, 0, sizeof *z - sizeof z->literals);
  z->at = from;
  z->end = end;
  z->out = out;
  z->size = size;
  z->recent[0] = 1, z->recent[1] = 4, z->recent[2] = 8;
  NTCI_SOUND(ntci_read_head(&z->at, end, size, &hash_bytes));
  do {
    NTCI_SOUND(ntci_read_number(&z->at, end, 3, &block));
    NTCI_SOUND(ntci_read_block(z, block >> 1 & 3, (uint32_t)(block >> 3)));
  } while ((block & 1) == 0);
  // The hash of the content is not computed: a chunk has a checksum of its own.
  return ntci_rest(z, end) == hash_bytes && z->done == size;
}

// Whether a frame of `size` bytes begins here: to be asked before memory is taken for them.
static bool ntci_declares(const uint8_t* from, const uint8_t* end, uint32_t size) {
  uint32_t hash_bytes;
  return ntci_read_head(&from, end, size, &hash_bytes);
}
