/* Intel's matrix registers as plain C over a static array, by the names of the intrinsics: what generated code calls
   instead of instructions where this is included before it. Sizes are checked as the instructions check them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct {
  uint16_t bytes[8];
  uint8_t rows[8];
  int configured;
  uint32_t words[8][16][16];
} tiles;

#define CHECKED(condition) \
  do { if (!(condition)) abort(); } while (0)

static void tiles_configure(const uint8_t *c) {
  CHECKED(c[0] == 1 && c[1] == 0);
  for (int t = 0; t < 8; t++) {
    memcpy(&tiles.bytes[t], c + 16 + 2 * t, 2);
    tiles.rows[t] = c[48 + t];
    CHECKED(tiles.bytes[t] <= 64 && tiles.bytes[t] % 4 == 0 && tiles.rows[t] <= 16);
    CHECKED((tiles.bytes[t] == 0) == (tiles.rows[t] == 0));
  }
  memset(tiles.words, 0, sizeof tiles.words);
  tiles.configured = 1;
}

static void tiles_copy(int t, uint8_t *memory, long stride, int load) {
  CHECKED(tiles.configured && tiles.rows[t] > 0);
  for (int i = 0; i < tiles.rows[t]; i++) {
    if (load) memset(tiles.words[t][i], 0, 64);
    if (load) memcpy(tiles.words[t][i], memory + i * stride, tiles.bytes[t]);
    else memcpy(memory + i * stride, tiles.words[t][i], tiles.bytes[t]);
  }
}

static int32_t tiles_byte(uint32_t word, int at, int is_signed) {
  uint8_t byte = (uint8_t)(word >> (8 * at));
  return is_signed ? (int8_t)byte : byte;
}

static void tiles_multiply(int t, int a, int b, int signed_a, int signed_b) {
  CHECKED(tiles.configured && tiles.rows[t] == tiles.rows[a] && tiles.bytes[t] == tiles.bytes[b]);
  CHECKED(tiles.bytes[a] == 4 * tiles.rows[b] && tiles.rows[b] > 0);
  for (int i = 0; i < tiles.rows[t]; i++)
    for (int k = 0; k < tiles.rows[b]; k++)
      for (int j = 0; j < tiles.bytes[t] / 4; j++)
        for (int p = 0; p < 4; p++)
          tiles.words[t][i][j] += (uint32_t)(tiles_byte(tiles.words[a][i][k], p, signed_a) *
                                             tiles_byte(tiles.words[b][k][j], p, signed_b));
}

/* Subnormals are zero, in operands and results; rounding is to nearest even, whatever MXCSR says. */
static float tiles_flush(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  if ((bits & 0x7f800000u) == 0) bits &= 0x80000000u;
  memcpy(&x, &bits, 4);
  return x;
}

static float tiles_half(uint32_t word, int at) {
  float x;
  word = at ? word & 0xffff0000u : word << 16;
  memcpy(&x, &word, 4);
  return tiles_flush(x);
}

/* First and second elements of pairs are summed apart, then together, then to what was there. */
static void tiles_multiply_pairs(int t, int a, int b) {
  CHECKED(tiles.configured && tiles.rows[t] == tiles.rows[a] && tiles.bytes[t] == tiles.bytes[b]);
  CHECKED(tiles.bytes[a] == 4 * tiles.rows[b] && tiles.rows[b] > 0);
  for (int i = 0; i < tiles.rows[t]; i++)
    for (int j = 0; j < tiles.bytes[t] / 4; j++) {
      float sums[2] = {0, 0}, before;
      for (int k = 0; k < tiles.rows[b]; k++)
        for (int p = 0; p < 2; p++)
          sums[p] = tiles_flush(
              __builtin_fmaf(tiles_half(tiles.words[a][i][k], p), tiles_half(tiles.words[b][k][j], p), sums[p]));
      memcpy(&before, &tiles.words[t][i][j], 4);
      before = tiles_flush(before + tiles_flush(sums[0] + sums[1]));
      memcpy(&tiles.words[t][i][j], &before, 4);
    }
}

#define _tile_loadconfig(c) tiles_configure(c)
#define _tile_release() (tiles.configured = 0)
#define _tile_zero(t) memset(tiles.words[t], 0, sizeof tiles.words[t])
#define _tile_loadd(t, p, s) tiles_copy(t, (uint8_t *)(p), s, 1)
#define _tile_stored(t, p, s) tiles_copy(t, (uint8_t *)(p), s, 0)
#define _tile_dpbusd(t, a, b) tiles_multiply(t, a, b, 0, 1)
#define _tile_dpbsud(t, a, b) tiles_multiply(t, a, b, 1, 0)
#define _tile_dpbf16ps(t, a, b) tiles_multiply_pairs(t, a, b)
#ifndef TILES_GRANTED
#define TILES_GRANTED 1
#endif
#define tiles_granted() TILES_GRANTED
