// random.c - counter-based random numbers: Philox4x32-10.
//
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11. The block of 128 bits is a bijection
// of the counter (index, stream) under the key `seed`; it needs no state, so a number belongs to its index and not to
// the rank that draws it. Not for cryptography.
#include <sna/base.h>
#include <math.h>

static void Philox(uint64_t seed, uint64_t stream, uint64_t index, uint64_t block[2])
{
  uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
  uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);

  for (int round = 0; round < 10; round++) {
    const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;

    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)p1;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  block[0] = (uint64_t)c0 | (uint64_t)c1 << 32;
  block[1] = (uint64_t)c2 | (uint64_t)c3 << 32;
}

// 52 bits and a half: exact in a double, and never 0 or 1.
static double UnitInterval(uint64_t bits)
{
  return ((double)(bits >> 12) + 0.5) * 0x1p-52;
}

double SnaRandomUniform(uint64_t seed, uint64_t stream, uint64_t index)
{
  uint64_t block[2];

  Philox(seed, stream, index, block);
  return UnitInterval(block[0]);
}

// Rounds of many counters side by side, which the compiler turns into vector instructions.
void SnaRandomUniformPairs(uint64_t seed, uint64_t stream, uint64_t first, PetscInt n, double a[], double b[])
{
  enum { WIDTH = 32 }; // fewer are unrolled instead

  for (PetscInt begin = 0; begin < n; begin += WIDTH) {
    uint32_t       c0[WIDTH], c1[WIDTH], c2[WIDTH], c3[WIDTH];
    uint32_t       k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    double         u[WIDTH], v[WIDTH];
    const PetscInt count = PetscMin(WIDTH, n - begin);

    for (int i = 0; i < WIDTH; i++) {
      const uint64_t index = first + (uint64_t)begin + (uint64_t)i;

      c0[i] = (uint32_t)index;
      c1[i] = (uint32_t)(index >> 32);
      c2[i] = (uint32_t)stream;
      c3[i] = (uint32_t)(stream >> 32);
    }
    for (int round = 0; round < 10; round++) {
      for (int i = 0; i < WIDTH; i++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];

        c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
        c1[i] = (uint32_t)p1;
        c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
        c3[i] = (uint32_t)p0;
      }
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < WIDTH; i++) {
      u[i] = UnitInterval((uint64_t)c0[i] | (uint64_t)c1[i] << 32);
      v[i] = UnitInterval((uint64_t)c2[i] | (uint64_t)c3[i] << 32);
    }
    for (PetscInt i = 0; i < count; i++) {
      a[begin + i] = u[i];
      b[begin + i] = v[i];
    }
  }
}

// Box and Muller, on the two halves of one block.
double SnaRandomNormal(uint64_t seed, uint64_t stream, uint64_t index)
{
  uint64_t block[2];

  Philox(seed, stream, index, block);
  return sqrt(-2 * log(UnitInterval(block[0]))) * cos(2 * PETSC_PI * UnitInterval(block[1]));
}
