// ntc_metadata.h: a part of ntc.h, which includes it. Chapter 7 of docs/format.md: META, and the rules J1 to
// J7. Values are found where they stand: first all of the JSON is checked, then it is searched for each key.
// Texts alone are copied.

enum { NTCI_DEPTH_MOST = 200, NTCI_DIGITS_MOST = 800, NTCI_LIMBS_MOST = 256 };

static const uint8_t* ntci_space(const uint8_t* p) {
  while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') p++;
  return p;
}

static int32_t ntci_hex4(const uint8_t* p) {
  int32_t value = 0;
  for (int i = 0; i < 4; i++) {
    int32_t digit = p[i] >= '0' && p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10;
    if (digit < 0 || digit > 15 || (p[i] > '9' && digit < 10)) return -1;
    value = 16 * value + digit;
  }
  return value;
}

static int32_t ntci_escape(const uint8_t** at) {
  static const char kLetters[] = "\"\\/bfnrt", kMeanings[] = "\"\\/\b\f\n\r\t";
  const uint8_t* p = *at;
  for (int i = 0; i < 8; i++) {
    if (*p == (uint8_t)kLetters[i]) return *at = p + 1, kMeanings[i];
  }
  int32_t high = *p == 'u' ? ntci_hex4(p + 1) : -1, low;
  if (high < 0xd800 || high > 0xdfff) return *at = p + 5, high;
  low = high < 0xdc00 && p[5] == '\\' && p[6] == 'u' ? ntci_hex4(p + 7) : -1;
  if (low < 0xdc00 || low > 0xdfff) return -1;
  return *at = p + 11, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

// The next character of a string, or -1 where there is none that is legal; a zero byte ends all.
static int32_t ntci_character(const uint8_t** at) {
  static const int32_t kLeast[4] = {0, 0x80, 0x800, 0x10000};
  const uint8_t* p = *at;
  int more = *p < 0x80 ? 0 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 : 3;
  if (*p < 32 || (*p >= 0x80 && *p < 0xc0) || *p >= 0xf8) return -1;
  if (*p == '\\') return *at = p + 1, ntci_escape(at);
  int32_t value = more ? *p & (63 >> more) : *p;
  for (int i = 1; i <= more; i++) {
    if ((p[i] & 0xc0) != 0x80) return -1;
    value = value << 6 | (p[i] & 63);
  }
  if (value < kLeast[more] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return -1;
  return *at = p + 1 + more, value;
}

// What follows a string, a number or a word that begins here; NULL if none does.
static const uint8_t* ntci_after_string(const uint8_t* p) {
  for (p++; *p != '"';) {
    if (ntci_character(&p) < 0) return NULL;
  }
  return p + 1;
}

static const uint8_t* ntci_after_digits(const uint8_t* p) {
  if (*p < '0' || *p > '9') return NULL;
  while (*p >= '0' && *p <= '9') p++;
  return p;
}

static const uint8_t* ntci_after_scalar(const uint8_t* p) {
  if (*p == '"') return ntci_after_string(p);
  if (strncmp((const char*)p, "true", 4) == 0 || strncmp((const char*)p, "null", 4) == 0) return p + 4;
  if (strncmp((const char*)p, "false", 5) == 0) return p + 5;
  if (*p == '-') p++;
  p = *p == '0' ? p + 1 : ntci_after_digits(p);
  if (p != NULL && *p == '.') p = ntci_after_digits(p + 1);
  if (p == NULL || (*p | 32) != 'e') return p;
  p++;
  return ntci_after_digits(*p == '+' || *p == '-' ? p + 1 : p);
}

// Whether this is one JSON value and no more, with a zero byte at `end`.
static bool ntci_is_json(const uint8_t* p, const uint8_t* end) {
  uint8_t closing[NTCI_DEPTH_MOST];
  uint32_t depth = 0;
  for (;;) {
    p = ntci_space(p);
    bool opens = *p == '{' || *p == '[';
    if (opens) {
      if (depth == NTCI_DEPTH_MOST) return false;
      closing[depth++] = *p == '{' ? '}' : ']';
      p = ntci_space(p + 1);
    } else {
      p = ntci_after_scalar(p);
      if (p == NULL) return false;
    }
    if (!opens || *p == closing[depth - 1]) {
      for (p = ntci_space(p); depth > 0 && *p == closing[depth - 1]; depth--) p = ntci_space(p + 1);
      if (depth == 0) return p == end;
      if (*p != ',') return false;
      p = ntci_space(p + 1);
    }
    if (closing[depth - 1] == '}') {
      p = *p == '"' ? ntci_after_string(p) : NULL;
      if (p == NULL) return false;
      p = ntci_space(p);
      if (*p++ != ':') return false;
    }
  }
}

// From here on all that is read is legal JSON.

static const uint8_t* ntci_after_value(const uint8_t* p) {
  uint32_t depth = 0;
  do {
    if (*p == '"') {
      for (p++; *p != '"'; p++) p += *p == '\\';
    } else if (*p == '{' || *p == '[') {
      depth++;
    } else if (*p == '}' || *p == ']') {
      depth--;
    }
    p++;
  } while (depth > 0 || (p[-1] != '"' && p[-1] != '}' && p[-1] != ']' && strchr(",]} \t\n\r", *p) == NULL));
  return p;
}

// The first value of an object or array or, given a value of it, the one after; NULL after the last. `key` is
// where the key of the value begins, in an object.
static const uint8_t* ntci_next(const uint8_t* container, const uint8_t* value, const uint8_t** key) {
  const uint8_t* p = ntci_space(value == NULL ? container + 1 : ntci_after_value(value));
  if (*p == ',') p = ntci_space(p + 1);
  if (*p == '}' || *p == ']') return NULL;
  if (*container == '[') return p;
  *key = p;
  return ntci_space(ntci_space(ntci_after_value(p)) + 1);
}

// The bytes of a character as texts have it.
static uint32_t ntci_encode(int32_t c, uint8_t* out) {
  uint32_t more = c == 0 ? 1 : c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  out[0] = (uint8_t)(more == 0 ? c : c >> (6 * more) | (0xff00 >> (more + 1) & 0xff));
  for (uint32_t i = 1; i <= more; i++) out[i] = (uint8_t)(0x80 | (c >> (6 * (more - i)) & 63));
  return more + 1;
}

static bool ntci_is_text(const uint8_t* p, const char* text, size_t length) {
  uint8_t bytes[4];
  for (p++; *p != '"';) {
    uint32_t size = ntci_encode(ntci_character(&p), bytes);
    if (size > length || memcmp(bytes, text, size) != 0) return false;
    text += size;
    length -= size;
  }
  return length == 0;
}

// The value of a key, the last one if there are more; NULL if there is none.
static const uint8_t* ntci_find(const uint8_t* object, const char* name) {
  const uint8_t *found = NULL, *key = NULL;
  for (const uint8_t* p = ntci_next(object, NULL, &key); p != NULL; p = ntci_next(object, p, &key)) {
    if (ntci_is_text(key, name, strlen(name))) found = p;
  }
  return found;
}

// What is not as the schema wants it is kept in r->wrong: readers go on with some value, to be refused later.

static const uint8_t* ntci_object(ntci_reader* r, const uint8_t* p, const char* name) {
  if (p != NULL && *p == '{') return p;
  r->wrong = name;
  return (const uint8_t*)"{}";
}

static bool ntci_is_null(const uint8_t* p) { return p == NULL || *p == 'n'; }

// A string of `least` to `most` characters.
static const char* ntci_text(ntci_reader* r, const uint8_t* object, const char* name, uint32_t least,
                             uint32_t most) {
  const uint8_t* p = ntci_find(object, name);
  char* text = r->text_end;
  uint32_t count = 0;
  if (p == NULL || *p != '"') return r->wrong = name, "";
  for (p++; *p != '"'; count++) r->text_end += ntci_encode(ntci_character(&p), (uint8_t*)r->text_end);
  *r->text_end++ = 0;
  if (count < least || count > most) r->wrong = name;
  return text;
}

// Which of some words, with a space after each, a string is; `usual` if there is none.
static uint32_t ntci_word(ntci_reader* r, const uint8_t* p, const char* name, const char* words, int usual) {
  if (p == NULL && usual >= 0) return (uint32_t)usual;
  for (uint32_t i = 0; p != NULL && *p == '"' && *words != 0; i++) {
    size_t length = strcspn(words, " ");
    if (ntci_is_text(p, words, length)) return i;
    words += length + 1;
  }
  return r->wrong = name, 0;
}

static bool ntci_flag(ntci_reader* r, const uint8_t* p, const char* name) {
  if (p != NULL && *p != 't' && *p != 'f') r->wrong = name;
  return p != NULL && *p == 't';
}

// Large numbers: limbs of 32 bits, the lowest first.
static uint32_t ntci_multiply(uint32_t* big, uint32_t limbs, uint32_t factor, uint32_t added) {
  uint64_t carry = added;
  for (uint32_t i = 0; i < limbs; i++, carry >>= 32) {
    carry += (uint64_t)factor * big[i];
    big[i] = (uint32_t)carry;
  }
  if (carry > 0) big[limbs++] = (uint32_t)carry;
  return limbs;
}

static uint32_t ntci_divide(uint32_t* big, uint32_t limbs, uint32_t divisor, bool* rest_left) {
  uint64_t rest = 0;
  for (uint32_t i = limbs; i-- > 0; rest %= divisor) {
    rest = rest << 32 | big[i];
    big[i] = (uint32_t)(rest / divisor);
  }
  *rest_left = *rest_left || rest > 0;
  while (limbs > 0 && big[limbs - 1] == 0) limbs--;
  return limbs;
}

// The double that is closest to big * 10^exponent, the even one of two; `more`: to a bit more than that.
static double ntci_closest(uint32_t* big, uint32_t limbs, int32_t exponent, bool more) {
  uint32_t extra = exponent < 0 ? (uint32_t)-exponent / 9 + 3 : 0;  // 10^9 < 2^32, and 64 bits are kept
  memmove(big + extra, big, 4 * (size_t)limbs);
  memset(big, 0, 4 * (size_t)extra);
  limbs += extra;
  while (exponent != 0) {  // nine digits at a time
    uint32_t power = 1, step = ntci_min((uint32_t)(exponent < 0 ? -exponent : exponent), 9);
    for (uint32_t i = 0; i < step; i++) power *= 10;
    limbs = exponent < 0 ? ntci_divide(big, limbs, power, &more) : ntci_multiply(big, limbs, power, 0);
    exponent += exponent < 0 ? (int32_t)step : -(int32_t)step;
  }
  // The highest 64 bits, of which the last has the value 2^low.
  int32_t low = 32 * ((int32_t)limbs - 2 - (int32_t)extra);
  uint64_t top = (uint64_t)big[limbs - 1] << 32 | (limbs > 1 ? big[limbs - 2] : 0);
  uint32_t next = limbs > 2 ? big[limbs - 3] : 0;
  for (; top >> 63 == 0; next <<= 1, low--) top = top << 1 | next >> 31;
  more = more || next > 0;
  for (uint32_t i = 0; i + 3 < limbs; i++) more = more || big[i] > 0;
  int32_t drop = low + 11 < -1074 ? -1074 - low : 11;
  if (drop > 64) return 0;
  uint64_t kept = drop == 64 ? 0 : top >> drop, half = (uint64_t)1 << (drop - 1);
  uint64_t rest = top - (drop == 64 ? 0 : kept << drop);
  if (rest > half || (rest == half && (more || kept % 2 == 1))) kept++;
  return ldexp((double)kept, low + drop);
}

static double ntci_number(ntci_reader* r, const uint8_t* p, const char* name) {
  uint32_t big[NTCI_LIMBS_MOST], limbs = 0, digits = 0;
  int32_t exponent = 0, written = 0;
  bool more = false, point = false, negative = p != NULL && *p == '-';
  if (p == NULL || (*p != '-' && (*p < '0' || *p > '9'))) return r->wrong = name, 0;
  for (p += negative; *p == '.' || (*p >= '0' && *p <= '9'); p++) {
    if (*p == '.') {
      point = true;
    } else if (digits < NTCI_DIGITS_MOST) {
      limbs = ntci_multiply(big, limbs, 10, (uint32_t)*p - '0');
      digits += limbs > 0;
      exponent -= point;
    } else {
      more = more || *p > '0';
      exponent += !point;
    }
  }
  if ((*p | 32) == 'e') {
    bool down = p[1] == '-';
    for (p += p[1] == '-' || p[1] == '+' ? 2 : 1; *p >= '0' && *p <= '9'; p++) {
      if (written < 10000000) written = 10 * written + (*p - '0');
    }
    exponent += down ? -written : written;
  }
  if (limbs == 0 || exponent + (int32_t)digits < -400) return 0;
  double value = exponent + (int32_t)digits > 400 ? HUGE_VAL : ntci_closest(big, limbs, exponent, more);
  if (value > DBL_MAX) return r->wrong = name, 0;
  return negative ? -value : value;
}

// A whole number that is written as one.
static double ntci_integer(ntci_reader* r, const uint8_t* p, const char* name, double low, double high) {
  double value = ntci_number(r, p, name);
  for (; p != NULL && (*p == '-' || (*p >= '0' && *p <= '9')); p++) continue;
  if (p == NULL || *p == '.' || (*p | 32) == 'e' || value < low || value > high) r->wrong = name;
  return r->wrong == name ? low : value;
}

// Whether a character is of a Unicode category other than C and Z, or the space (Unicode 14.0.0).
static bool ntci_is_printable(int32_t c) {
  // Lengths of runs of characters, in turn of those that are not and of those that are.
  // clang-format off
  static const uint16_t kRuns[] = {
      32, 95, 34, 12, 1, 714, 2, 6, 4, 7, 1, 1, 1, 20, 1, 397, 1, 38, 2, 50, 2, 3, 1, 55, 8, 27, 4, 6, 17, 22,
      1, 192, 1, 48, 2, 59, 2, 101, 14, 59, 2, 49, 2, 15, 1, 28, 2, 1, 1, 11, 5, 31, 9, 74, 1, 161, 1, 8, 2,
      2, 2, 22, 1, 7, 1, 1, 3, 4, 2, 9, 2, 2, 2, 4, 8, 1, 4, 2, 1, 5, 2, 25, 2, 3, 1, 6, 4, 2, 2, 22, 1, 7, 1,
      2, 1, 2, 1, 2, 2, 1, 1, 5, 4, 2, 2, 3, 3, 1, 7, 4, 1, 1, 7, 17, 10, 3, 1, 9, 1, 3, 1, 22, 1, 7, 1, 2, 1,
      5, 2, 10, 1, 3, 1, 3, 2, 1, 15, 4, 2, 12, 7, 7, 1, 3, 1, 8, 2, 2, 2, 22, 1, 7, 1, 2, 1, 5, 2, 9, 2, 2,
      2, 3, 7, 3, 4, 2, 1, 5, 2, 18, 10, 2, 1, 6, 3, 3, 1, 4, 3, 2, 1, 1, 1, 2, 3, 2, 3, 3, 3, 12, 4, 5, 3, 3,
      1, 4, 2, 1, 6, 1, 14, 21, 5, 13, 1, 3, 1, 23, 1, 16, 2, 9, 1, 3, 1, 4, 7, 2, 1, 3, 2, 1, 2, 4, 2, 10, 7,
      22, 1, 3, 1, 23, 1, 10, 1, 5, 2, 9, 1, 3, 1, 4, 7, 2, 6, 2, 1, 4, 2, 10, 1, 2, 13, 13, 1, 3, 1, 51, 1,
      3, 1, 6, 4, 16, 2, 26, 1, 3, 1, 18, 3, 24, 1, 9, 1, 1, 2, 7, 3, 1, 4, 6, 1, 1, 1, 8, 6, 10, 2, 3, 12,
      58, 4, 29, 37, 2, 1, 1, 1, 5, 1, 24, 1, 1, 1, 23, 2, 5, 1, 1, 1, 6, 2, 10, 2, 4, 32, 72, 1, 36, 4, 39,
      1, 36, 1, 15, 1, 13, 37, 198, 1, 1, 5, 1, 2, 377, 1, 4, 2, 7, 1, 1, 1, 4, 2, 41, 1, 4, 2, 33, 1, 4, 2,
      7, 1, 1, 1, 4, 2, 15, 1, 57, 1, 4, 2, 67, 2, 32, 3, 26, 6, 86, 2, 6, 2, 640, 1, 28, 3, 89, 7, 22, 9, 24,
      9, 20, 12, 13, 1, 3, 1, 2, 12, 94, 2, 10, 6, 10, 6, 14, 1, 11, 6, 89, 7, 43, 5, 70, 10, 31, 1, 12, 4,
      12, 4, 1, 3, 42, 2, 5, 11, 44, 4, 26, 6, 11, 3, 62, 2, 65, 1, 29, 2, 11, 6, 10, 6, 14, 2, 31, 49, 77, 3,
      47, 1, 116, 8, 60, 3, 15, 3, 60, 7, 43, 2, 11, 8, 43, 5, 534, 2, 6, 2, 38, 2, 6, 2, 8, 1, 1, 1, 1, 1, 1,
      1, 31, 2, 53, 1, 15, 1, 14, 2, 6, 1, 19, 2, 3, 1, 9, 17, 24, 8, 47, 17, 2, 2, 27, 1, 13, 3, 33, 15, 33,
      15, 140, 4, 663, 25, 11, 21, 1812, 2, 32, 1, 349, 5, 45, 1, 1, 5, 1, 2, 56, 7, 2, 14, 24, 9, 7, 1, 7, 1,
      7, 1, 7, 1, 7, 1, 7, 1, 7, 1, 7, 1, 126, 34, 26, 1, 89, 12, 214, 26, 12, 5, 63, 1, 86, 2, 103, 5, 43, 1,
      94, 1, 84, 12, 47, 1, 29293, 3, 55, 9, 348, 20, 184, 8, 203, 5, 2, 1, 1, 1, 5, 24, 59, 3, 10, 6, 56, 8,
      70, 8, 12, 6, 116, 11, 30, 3, 78, 1, 11, 4, 33, 1, 55, 9, 14, 2, 10, 2, 103, 24, 28, 10, 6, 2, 6, 2, 6,
      9, 7, 1, 7, 1, 60, 4, 126, 2, 10, 6, 11172, 12, 23, 4, 49, 8452, 366, 2, 106, 38, 7, 12, 5, 5, 26, 1, 5,
      1, 1, 1, 2, 1, 2, 1, 125, 16, 445, 2, 54, 7, 1, 32, 42, 6, 51, 1, 19, 1, 4, 4, 5, 1, 135, 4, 190, 3, 6,
      2, 6, 2, 6, 2, 3, 3, 7, 1, 7, 13, 2, 2, 12, 1, 26, 1, 19, 1, 2, 1, 15, 2, 14, 34, 123, 5, 3, 4, 45, 3,
      88, 1, 13, 3, 1, 47, 46, 130, 29, 3, 49, 15, 28, 4, 36, 9, 30, 5, 43, 5, 30, 1, 37, 4, 14, 42, 158, 2,
      10, 6, 36, 4, 36, 4, 40, 8, 52, 11, 12, 1, 15, 1, 7, 1, 2, 1, 11, 1, 15, 1, 7, 1, 2, 67, 311, 9, 22, 10,
      8, 24, 6, 1, 42, 1, 9, 69, 6, 2, 1, 1, 44, 1, 2, 3, 1, 2, 23, 1, 72, 8, 9, 48, 19, 1, 2, 5, 33, 3, 27,
      5, 1, 64, 56, 4, 20, 2, 50, 1, 2, 5, 8, 1, 3, 1, 29, 2, 3, 4, 10, 7, 9, 7, 64, 32, 39, 4, 12, 9, 54, 3,
      29, 2, 27, 5, 26, 7, 4, 12, 7, 80, 73, 55, 51, 13, 51, 7, 46, 8, 10, 294, 31, 1, 42, 1, 3, 2, 2, 78, 40,
      8, 42, 22, 26, 38, 28, 20, 23, 9, 78, 4, 36, 9, 62, 1, 5, 13, 25, 7, 10, 6, 53, 1, 18, 8, 39, 9, 96, 1,
      20, 11, 18, 1, 44, 65, 7, 1, 1, 1, 4, 1, 15, 1, 11, 6, 59, 5, 10, 6, 4, 1, 8, 2, 2, 2, 22, 1, 7, 1, 2,
      1, 5, 1, 10, 2, 2, 2, 3, 2, 1, 6, 1, 5, 7, 2, 7, 3, 5, 139, 92, 1, 5, 30, 72, 8, 10, 166, 54, 2, 38, 34,
      69, 11, 10, 6, 13, 19, 58, 6, 10, 54, 27, 2, 15, 4, 23, 185, 60, 100, 83, 12, 8, 2, 1, 2, 8, 1, 2, 1,
      30, 1, 2, 2, 12, 9, 10, 70, 8, 2, 46, 2, 11, 27, 72, 8, 83, 13, 73, 263, 9, 1, 45, 1, 14, 10, 29, 3, 32,
      2, 22, 1, 14, 73, 7, 1, 2, 1, 44, 3, 1, 1, 2, 1, 9, 8, 10, 6, 6, 1, 2, 1, 37, 1, 2, 1, 6, 7, 10, 310,
      25, 183, 1, 15, 50, 13, 923, 102, 111, 1, 5, 11, 196, 2636, 99, 13, 1071, 4049, 583, 8633, 569, 7, 31,
      1, 10, 4, 81, 1, 10, 6, 30, 2, 6, 10, 70, 10, 10, 1, 7, 1, 21, 5, 19, 688, 91, 101, 75, 4, 57, 7, 17,
      64, 5, 11, 2, 14, 6136, 8, 1238, 42, 9, 8935, 4, 1, 7, 1, 2, 1, 291, 45, 3, 17, 4, 8, 396, 2308, 107, 5,
      13, 3, 9, 7, 10, 2, 4, 4704, 46, 2, 23, 9, 116, 60, 246, 10, 39, 2, 74, 8, 112, 21, 70, 154, 20, 12, 87,
      9, 25, 135, 85, 1, 71, 1, 2, 2, 1, 2, 2, 2, 4, 1, 12, 1, 1, 1, 7, 1, 65, 1, 4, 2, 8, 1, 7, 1, 28, 1, 4,
      1, 5, 1, 1, 3, 7, 1, 340, 2, 292, 2, 702, 15, 5, 1, 15, 1104, 31, 225, 7, 1, 17, 2, 7, 1, 2, 1, 5, 213,
      45, 3, 14, 2, 10, 4, 2, 320, 31, 17, 58, 5, 1, 1248, 7, 1, 4, 1, 2, 1, 15, 1, 197, 2, 16, 41, 76, 4, 10,
      4, 2, 785, 68, 76, 61, 194, 4, 1, 27, 1, 2, 1, 1, 2, 1, 1, 10, 1, 4, 1, 1, 1, 1, 6, 1, 4, 1, 1, 1, 1, 1,
      1, 3, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 2, 4, 1, 7, 1, 4, 1, 4, 1, 1, 1, 10, 1, 17,
      5, 3, 1, 5, 1, 17, 52, 2, 270, 44, 4, 100, 12, 15, 2, 15, 1, 15, 1, 37, 10, 174, 56, 29, 13, 44, 4, 9,
      7, 2, 14, 6, 154, 984, 5, 16, 3, 13, 3, 116, 12, 89, 7, 12, 4, 1, 15, 12, 4, 56, 8, 10, 6, 40, 8, 30, 2,
      2, 78, 340, 12, 14, 2, 5, 3, 5, 3, 7, 9, 29, 3, 11, 5, 6, 10, 10, 6, 8, 8, 7, 9, 147, 1, 55, 37, 10,
      1030, 42720, 32, 4153, 7, 222, 2, 5762, 14, 7473, 3103, 542, 1506, 4939, 65535, 0, 65535, 0, 65535, 0,
      65535, 0, 65535, 0, 65535, 0, 65535, 0, 65535, 0, 65535, 0, 65535, 0, 60863, 240,};
  // clang-format on
  bool printable = false;
  for (size_t i = 0; i < sizeof kRuns / sizeof *kRuns; i++, printable = !printable) {
    if (c < kRuns[i]) return printable;
    c -= kRuns[i];
  }
  return false;
}

// The name of a file of one folder on every system.
static bool ntci_is_file_name(const uint8_t* p) {
  const uint8_t *first = ++p, *second;
  if (ntci_is_text(first - 1, ".", 1) || ntci_is_text(first - 1, "..", 2)) return false;
  int32_t letter = ntci_character(&p);
  second = p;
  bool drive = ((letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z')) &&
               ntci_character(&second) == ':';
  if (drive) return false;
  for (p = first; *p != '"';) {
    int32_t c = ntci_character(&p);
    if (c == '/' || c == '\\' || !ntci_is_printable(c)) return false;
  }
  return true;
}

static void ntci_read_channel(ntci_reader* r, const uint8_t* object, ntc_channel* channel) {
  const uint8_t *output = ntci_find(object, "output"), *constant = ntci_find(object, "constant");
  channel->meaning = ntci_text(r, object, "meaning", 0, 64);
  channel->output = ntci_is_null(output) ? -1 : (int)ntci_integer(r, output, "output", 0, 31);
  channel->constant = ntci_is_null(constant) ? 0 : ntci_number(r, constant, "constant");
  channel->inverted = ntci_flag(r, ntci_find(object, "inverted"), "inverted");
  if (ntci_is_null(output) == ntci_is_null(constant)) r->wrong = "output";
}

static uint32_t ntci_count_items(ntci_reader* r, const uint8_t* array, const char* name, uint32_t most) {
  uint32_t count = 0;
  const uint8_t* key;
  if (array == NULL || *array != '[') return r->wrong = name, 0;
  for (const uint8_t* p = ntci_next(array, NULL, &key); p != NULL && count <= most; count++) {
    p = ntci_next(array, p, &key);
  }
  if (count < 1 || count > most) r->wrong = name;
  return ntci_min(count, most);
}

static bool ntci_read_map(ntci_reader* r, const uint8_t* object, ntc_map* map) {
  const uint8_t *normal = ntci_find(object, "normal"), *list = ntci_find(object, "channels"), *key;
  const uint8_t *low = ntci_find(object, "low"), *high = ntci_find(object, "high"), *value = NULL;
  map->name = ntci_text(r, object, "name", 1, 128);
  map->file = ntci_text(r, object, "file", 1, 255);
  map->semantic = (ntc_semantic)ntci_word(
      r, ntci_find(object, "semantic"), "semantic",
      "albedo opacity normal bump roughness metalness ao cavity height specular specular_level emissive "
      "transmission sheen clearcoat anisotropy mask packed other ",
      -1);
  map->color_space =
      (ntc_color_space)ntci_word(r, ntci_find(object, "color_space"), "color_space", "srgb linear ", -1);
  map->sample_type =
      (ntc_sample_type)ntci_word(r, ntci_find(object, "sample"), "sample", "uint8 uint16 half float ", -1);
  map->width = (uint32_t)ntci_integer(r, ntci_find(object, "width"), "width", 1, 16384);
  map->height = (uint32_t)ntci_integer(r, ntci_find(object, "height"), "height", 1, 16384);
  map->curve = (ntc_curve)ntci_word(r, ntci_find(object, "curve"), "curve", "linear log ", 0);
  map->low = low == NULL ? 0 : ntci_number(r, low, "low");
  map->high = high == NULL ? 1 : ntci_number(r, high, "high");
  map->normal = NTC_NORMAL_NONE;
  if (!ntci_is_null(normal))
    map->normal = (ntc_normal)(1 + ntci_word(r, normal, "normal", "opengl directx ", -1));
  if (!(map->low < map->high)) r->wrong = "high";
  if (map->curve == NTC_CURVE_LOG && map->low < 0) r->wrong = "low";
  if (r->wrong == NULL && !ntci_is_file_name(ntci_find(object, "file"))) r->wrong = "file";
  map->channel_count = ntci_count_items(r, list, "channels", 32);
  ntc_channel* channels = (ntc_channel*)ntci_new(r, map->channel_count * sizeof *channels);
  if (channels == NULL) return false;
  for (uint32_t i = 0; i < map->channel_count; i++) {
    value = ntci_next(list, value, &key);
    ntci_read_channel(r, ntci_object(r, value, "channels"), &channels[i]);
  }
  map->channels = channels;
  return true;
}

static void ntci_read_fit(ntci_reader* r, const uint8_t* fit) {
  const uint8_t *settings = ntci_find(fit, "settings"), *key;
  const char* end = r->text_end;
  ntci_text(r, fit, "backend", 0, UINT32_MAX);
  ntci_text(r, fit, "effort", 0, UINT32_MAX);
  r->text_end = (char*)end;  // nobody asks for them
  ntci_integer(r, ntci_find(fit, "seed"), "seed", -HUGE_VAL, HUGE_VAL);
  ntci_integer(r, ntci_find(fit, "texels"), "texels", 0, HUGE_VAL);
  r->file->filtered = ntci_word(r, ntci_find(fit, "filtering"), "filtering", "texel filtered ", 0) == 1;
  if (settings != NULL) settings = ntci_object(r, settings, "settings");
  const uint8_t* value = settings == NULL ? NULL : ntci_next(settings, NULL, &key);
  for (; value != NULL; value = ntci_next(settings, value, &key)) {
    if (*value == 'n' || *value == '{' || *value == '[') r->wrong = "settings";
    if (*value == '-' || (*value >= '0' && *value <= '9')) ntci_number(r, value, "settings");
  }
}

static void ntci_read_quality(ntci_reader* r, const uint8_t* quality, ntc_map* maps) {
  const uint8_t *psnr = ntci_find(quality, "psnr"), *key;
  const uint8_t* list = ntci_object(r, ntci_find(quality, "maps"), "quality");
  r->file->has_psnr = psnr == NULL || *psnr != 'n';
  r->file->psnr = r->file->has_psnr ? ntci_number(r, psnr, "psnr") : 0;
  for (const uint8_t* p = ntci_next(list, NULL, &key); p != NULL; p = ntci_next(list, p, &key)) {
    bool known = *p != 'n';
    double value = known ? ntci_number(r, p, "quality") : 0;
    for (uint32_t i = 0; i < r->file->map_count; i++) {
      if (!ntci_is_text(key, maps[i].name, strlen(maps[i].name))) continue;
      maps[i].has_psnr = known;
      maps[i].psnr = value;
    }
  }
}

static bool ntci_read_metadata(ntci_reader* r, const uint8_t* p, uint64_t size) {
  ntc_file* file = r->file;
  NTCI_REQUIRE(ntci_is_json(p, p + size), "J1", 0, "metadata that are not JSON in UTF-8");
  const uint8_t *key, *value = NULL, *root = ntci_object(r, ntci_space(p), "object");
  const uint8_t* list = ntci_find(root, "maps");
  file->map_count = ntci_count_items(r, list, "maps", 64);
  ntc_map* maps = (ntc_map*)ntci_new(r, file->map_count * sizeof *maps);
  if (maps == NULL) return false;
  r->text_end = (char*)ntci_new(r, size + 1);  // no text is longer than it is in JSON with its quotes
  if (r->text_end == NULL) return false;
  memset(maps, 0, file->map_count * sizeof *maps);
  file->maps = maps;
  file->name = ntci_text(r, root, "name", 0, 255);
  file->generator = ntci_text(r, root, "generator", 0, 64);
  for (uint32_t i = 0; i < file->map_count; i++) {
    value = ntci_next(list, value, &key);
    if (!ntci_read_map(r, ntci_object(r, value, "maps"), &maps[i])) return false;
  }
  ntci_read_fit(r, ntci_object(r, ntci_find(root, "fit"), "fit"));
  ntci_read_quality(r, ntci_object(r, ntci_find(root, "quality"), "quality"), maps);
  if (r->wrong == NULL) return true;
  char what[sizeof r->error.message] = "not as the schema of the metadata has it: ";
  strcat(what, r->wrong);
  return ntci_fail(r, "J1", 0, what);
}

// The rules J3 to J7.
static bool ntci_check_maps(ntci_reader* r) {
  static const double kHighest[4] = {255, 65535, 65504, FLT_MAX};
  const ntc_file* file = r->file;
  for (const ntc_map* map = file->maps; map < file->maps + file->map_count; map++) {
    for (const ntc_map* other = file->maps; other < map; other++) {
      NTCI_REQUIRE(strcmp(map->name, other->name) != 0, "J3", 0, "two maps of the same name");
      NTCI_REQUIRE(strcmp(map->file, other->file) != 0, "J3", 0, "two maps with the same file");
    }
  }
  for (const ntc_map* map = file->maps; map < file->maps + file->map_count; map++) {
    bool fits = map->width <= file->width && map->height <= file->height,
         whole = map->sample_type <= NTC_UINT16;
    double highest = kHighest[map->sample_type], lowest = whole ? 0 : -highest;
    NTCI_REQUIRE(fits, "J5", 0, "a map that is larger than the material");
    for (const ntc_channel* c = map->channels; c < map->channels + map->channel_count; c++) {
      NTCI_REQUIRE(c->output < (int)file->channels, "J4", 0, "an output that the decoder does not have");
      bool legal = c->output >= 0 || (c->constant >= lowest && c->constant <= highest);
      legal = legal && (c->output >= 0 || !whole || c->constant == (uint32_t)c->constant);
      NTCI_REQUIRE(legal, "J6", 0, "a constant that is no sample of its map");
    }
    bool inside = whole || (map->low >= -highest && map->high <= highest);
    NTCI_REQUIRE(inside, "J7", 0, "a range beyond the type of its map");
  }
  return true;
}
