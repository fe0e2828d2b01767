// np: 1 2 3 4
// Distributed transforms of small grids against the triple sums that define them, Parseval's sum, wave numbers, round trips.
#include <sna/fft.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>
#include <cmocka.h>

#define Ok(call) assert_int_equal(call, 0)
#define ROUNDING 1e-13
#define NCOMP    3

static const PetscInt   grids[][3]        = {{5, 7, 12}, {4, 4, 4}, {6, 5, 3}, {1, 2, 3}};
static const SnaFftKind mixes[][NCOMP][3] = {
  {{SNA_FFT_DST1, SNA_FFT_DCT1, SNA_FFT_DCT1}, {SNA_FFT_DCT1, SNA_FFT_DST1, SNA_FFT_DCT1},
    {SNA_FFT_DCT1, SNA_FFT_DCT1, SNA_FFT_DST1}},
  {{SNA_FFT_DCT2, SNA_FFT_DST2, SNA_FFT_DST1}, {SNA_FFT_DST2, SNA_FFT_DCT1, SNA_FFT_DCT2},
    {SNA_FFT_DST1, SNA_FFT_DCT2, SNA_FFT_DST2}},
};

typedef struct {
  MPI_Comm comm; // the first ranks of the world, no more than planes; MPI_COMM_NULL on the others
  const SnaFftKind (*kind)[3];
  SnaFft              fft;
  const SnaFftLayout *layout;
  double             *data;
  double             *spectrum; // [ky][kz][c][row], all ky on every rank
  PetscInt           *visits;   // [ky]
} Problem;

static void CreateProblem(const PetscInt n[3], PetscInt ncomp, const SnaFftKind kind[][3], Problem *P)
{
  PetscMPIInt rank;

  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  *P = (Problem){.kind = kind};
  Ok(MPI_Comm_split(PETSC_COMM_WORLD, rank < n[2] ? 0 : MPI_UNDEFINED, 0, &P->comm));
  if (P->comm == MPI_COMM_NULL) return;
  Ok(SnaFftCreate(P->comm, n, ncomp, kind, &(SnaFftTuning){.effort = "estimate"}, &P->fft));
  Ok(SnaFftGetLayout(P->fft, &P->layout));
  Ok(SnaFftMalloc(P->fft, P->layout->nz, &P->data));
  Ok(PetscCalloc2(
    (size_t)(P->layout->plane * P->layout->points[2]), &P->spectrum, (size_t)P->layout->points[1], &P->visits));
}

static void DestroyProblem(Problem *P)
{
  if (P->comm == MPI_COMM_NULL) return;
  Ok(PetscFree2(P->spectrum, P->visits));
  Ok(SnaFftFree(&P->data));
  assert_null(P->data);
  Ok(SnaFftDestroy(&P->fft));
  assert_null(P->fft);
  MPI_Comm_free(&P->comm);
}

// The point (x, y, z) of the plane z of this rank.
static double *At(const Problem *P, PetscInt c, PetscInt x, PetscInt y, PetscInt z)
{
  const SnaFftLayout *l = P->layout;
  return P->data + (z - l->z0) * l->plane + (y * l->ncomp + c) * l->row + x;
}

static PetscBool PointPresent(SnaFftKind kind, PetscInt n, PetscInt i)
{
  if (kind == SNA_FFT_DST1) return (PetscBool)(i > 0 && i < n);
  return (PetscBool)(kind == SNA_FFT_DCT1 ? i <= n : i < n);
}

// How often a point of the octant occurs in the cell along one axis, 0 for slots that hold no point.
static double Copies(const Problem *P, PetscInt c, int a, PetscInt i)
{
  const PetscInt n = P->layout->n[a];

  if (!P->kind) return 1;
  if (!PointPresent(P->kind[c][a], n, i)) return 0;
  return P->kind[c][a] == SNA_FFT_DCT1 && (i == 0 || i == n) ? 1 : 2;
}

// The field: numbers in (-1/2, 1/2) that do not depend on the ranks; 0 where a kind has no point.
static double Value(const Problem *P, PetscInt c, PetscInt x, PetscInt y, PetscInt z)
{
  uint64_t h = (uint64_t)(1 + c + 4 * (x + 16 * (y + 16 * z)));

  if (P->kind && Copies(P, c, 0, x) * Copies(P, c, 1, y) * Copies(P, c, 2, z) == 0) return 0;
  for (int i = 0; i < 3; i++) h = (h ^ (h >> 31)) * 6364136223846793005u + 1442695040888963407u;
  return (double)(h >> 11) / 9007199254740992.0 - 0.5;
}

// The field; `junk` stands where a kind has no point.
static void Fill(Problem *P, double junk)
{
  const SnaFftLayout *l = P->layout;

  for (PetscInt z = l->z0; z < l->z0 + l->nz; z++) {
    for (PetscInt y = 0; y < l->points[1]; y++) {
      for (PetscInt c = 0; c < l->ncomp; c++) {
        for (PetscInt x = 0; x < l->points[0]; x++) {
          const double copies = Copies(P, c, 0, x) * Copies(P, c, 1, y) * Copies(P, c, 2, z);
          *At(P, c, x, y, z)  = copies > 0 ? Value(P, c, x, y, z) : junk;
        }
      }
    }
  }
}

typedef void (*Action)(Problem *P, PetscInt ky, double *block);

typedef struct {
  Problem *P;
  Action   action;
} Call;

static void Kernel(void *ctx, PetscInt ky, double *block)
{
  const Call *call = (const Call *)ctx;
  call->P->visits[ky]++;
  if (call->action) call->action(call->P, ky, block);
}

static void Transform(Problem *P, Action action, PetscBool back)
{
  Call call = {P, action};

  for (PetscInt z = 0; z < P->layout->nz; z++) Ok(SnaFftForwardPlane(P->fft, P->data + z * P->layout->plane));
  Ok(SnaFftSpectrum(P->fft, P->data, Kernel, &call));
  for (PetscInt z = 0; back && z < P->layout->nz; z++) Ok(SnaFftBackwardPlane(P->fft, P->data + z * P->layout->plane));
}

static void Keep(Problem *P, PetscInt ky, double *block)
{
  const SnaFftLayout *l    = P->layout;
  const PetscInt      size = l->points[2] * l->ncomp * l->row;

  for (PetscInt i = 0; i < size; i++) P->spectrum[ky * size + i] = block[i];
}

static void GetSpectrum(Problem *P)
{
  const SnaFftLayout *l = P->layout;

  Fill(P, 3);
  Transform(P, Keep, PETSC_FALSE);
  Ok(MPI_Allreduce(MPI_IN_PLACE, P->spectrum, (int)(l->plane * l->points[2]), MPI_DOUBLE, MPI_SUM, P->comm));
  Ok(MPI_Allreduce(MPI_IN_PLACE, P->visits, (int)l->points[1], MPIU_INT, MPI_SUM, P->comm));
  for (PetscInt ky = 0; ky < l->points[1]; ky++) assert_int_equal(P->visits[ky], 1);
}

// Factor of point i in the sum for mode theta: FFTW's manual, "1d Real-even DFTs (DCTs)" and "1d Real-odd DFTs (DSTs)".
static double Factor(const Problem *P, PetscInt c, int a, PetscInt i, double theta)
{
  const double copies = Copies(P, c, a, i), x = (double)i;

  switch (P->kind[c][a]) {
  case SNA_FFT_DCT1:
    return copies * cos(theta * x);
  case SNA_FFT_DST1:
    return copies * sin(theta * x);
  case SNA_FFT_DCT2:
    return copies * cos(theta * (x + 0.5));
  default:
    return copies * sin(theta * (x + 0.5));
  }
}

// Double s of a row of the spectrum, by the triple sum.
static double Define(const Problem *P, PetscInt c, PetscInt s, PetscInt ky, PetscInt kz)
{
  const SnaFftLayout *l        = P->layout;
  const double        theta[3] = {l->theta[0][s], l->theta[1][ky], l->theta[2][kz]};
  double              sum      = 0;

  if (s >= l->modes[0]) return 0;
  for (PetscInt z = 0; z < l->points[2]; z++) {
    for (PetscInt y = 0; y < l->points[1]; y++) {
      for (PetscInt x = 0; x < l->points[0]; x++) {
        const double phase = theta[0] * (double)x + theta[1] * (double)y + theta[2] * (double)z;
        sum += Value(P, c, x, y, z) *
               (P->kind ? Factor(P, c, 0, x, theta[0]) * Factor(P, c, 1, y, theta[1]) * Factor(P, c, 2, z, theta[2])
                 : s % 2 == 0 ? cos(phase)
                              : -sin(phase));
      }
    }
  }
  return sum;
}

static void CheckLayout(const Problem *P)
{
  const SnaFftLayout *l = P->layout;
  PetscInt            next;
  PetscMPIInt         rank;

  assert_true(l->row % 8 == 0 && l->row >= l->modes[0]);
  assert_int_equal(l->plane, l->points[1] * l->ncomp * l->row);
  Ok(MPI_Comm_rank(P->comm, &rank));
  Ok(MPI_Scan(&l->nz, &next, 1, MPIU_INT, MPI_SUM, P->comm));
  assert_int_equal(next, l->z0 + l->nz);
  Ok(MPI_Allreduce(&l->nz, &next, 1, MPIU_INT, MPI_SUM, P->comm));
  assert_int_equal(next, l->points[2]);
  assert_true(l->nz > 0);
  for (int a = 0; a < 3; a++) {
    assert_int_equal(l->points[a], l->n[a] + (P->kind ? 1 : 0));
    for (PetscInt k = 0; k < (a == 0 ? l->row : l->points[a]); k++)
      assert_true(l->theta[a][k] <= PETSC_PI && (P->kind || a == 0 ? l->theta[a][k] >= 0 : l->theta[a][k] > -PETSC_PI));
  }
  for (PetscInt s = l->modes[0]; s < l->row; s++) assert_true(l->theta[0][s] == 0 && l->weight[0][s] == 0);
}

static void CheckSpectrum(Problem *P)
{
  const SnaFftLayout *l     = P->layout;
  double              worst = 0, largest = 0, *energy, *parseval;

  if (P->comm == MPI_COMM_NULL) return;
  CheckLayout(P);
  GetSpectrum(P);
  Ok(PetscCalloc2((size_t)l->ncomp, &energy, (size_t)l->ncomp, &parseval));
  for (PetscInt ky = 0; ky < l->points[1]; ky++) {
    for (PetscInt kz = 0; kz < l->points[2]; kz++) {
      for (PetscInt c = 0; c < l->ncomp; c++) {
        const double *line = P->spectrum + ((ky * l->points[2] + kz) * l->ncomp + c) * l->row;
        for (PetscInt s = 0; s < l->row; s++) {
          const double X = Define(P, c, s, ky, kz);
          worst          = fmax(worst, fabs(line[s] - X));
          largest        = fmax(largest, fabs(X));
          parseval[c] += l->scale * l->weight[0][s] * l->weight[1][ky] * l->weight[2][kz] * line[s] * line[s];
        }
      }
    }
  }
  assert_true(worst <= ROUNDING * largest);
  for (PetscInt c = 0; c < l->ncomp; c++) {
    for (PetscInt z = 0; z < l->points[2]; z++) {
      for (PetscInt y = 0; y < l->points[1]; y++) {
        for (PetscInt x = 0; x < l->points[0]; x++) {
          const double value = Value(P, c, x, y, z);
          energy[c] += value * value * Copies(P, c, 0, x) * Copies(P, c, 1, y) * Copies(P, c, 2, z);
        }
      }
    }
    assert_true(fabs(parseval[c] - energy[c]) <= ROUNDING * energy[c]);
  }
  Ok(PetscFree2(energy, parseval));
}

// Symbol of the mean of the six neighbours, weighted by axis.
static void Smooth(Problem *P, PetscInt ky, double *block)
{
  const SnaFftLayout *l = P->layout;

  for (PetscInt kz = 0; kz < l->points[2]; kz++) {
    for (PetscInt c = 0; c < l->ncomp; c++) {
      for (PetscInt s = 0; s < l->row; s++)
        block[(kz * l->ncomp + c) * l->row + s] *=
          cos(l->theta[0][s]) + 2 * cos(l->theta[1][ky]) + 3 * cos(l->theta[2][kz]);
    }
  }
}

// The field at a point whose coordinate i[a] may lie one step outside: periodic, or mirrored with the sign of its kind.
static double Extended(const Problem *P, PetscInt c, PetscInt i[3], int a)
{
  const PetscInt n = P->layout->n[a], i_a = i[a];
  double         sign = 1, value;

  if (!P->kind)
    i[a] = (i_a + n) % n;
  else {
    const SnaFftKind kind    = P->kind[c][a];
    const PetscInt   between = kind == SNA_FFT_DCT2 || kind == SNA_FFT_DST2;
    if (i_a < 0) i[a] = -i_a - between;
    if (i_a > n - between) i[a] = 2 * n - i_a - between;
    if (i[a] != i_a && (kind == SNA_FFT_DST1 || kind == SNA_FFT_DST2)) sign = -1;
  }
  value = sign * Value(P, c, i[0], i[1], i[2]);
  i[a]  = i_a;
  return value;
}

// What comes back without a kernel is the field, and with Smooth() the mean of its neighbours.
static void CheckRoundTrip(Problem *P, PetscBool smooth)
{
  double worst = 0;

  if (P->comm == MPI_COMM_NULL) return;
  Fill(P, 3);
  Transform(P, smooth ? Smooth : NULL, PETSC_TRUE);
  for (PetscInt z = P->layout->z0; z < P->layout->z0 + P->layout->nz; z++) {
    for (PetscInt y = 0; y < P->layout->points[1]; y++) {
      for (PetscInt c = 0; c < P->layout->ncomp; c++) {
        for (PetscInt x = 0; x < P->layout->points[0]; x++) {
          const double found    = P->layout->scale * *At(P, c, x, y, z);
          double       expected = Value(P, c, x, y, z);
          if (smooth) expected = 0;
          if (smooth && Copies(P, c, 0, x) * Copies(P, c, 1, y) * Copies(P, c, 2, z) > 0) {
            for (int a = 0; a < 3; a++) {
              for (PetscInt step = -1; step <= 1; step += 2) {
                PetscInt i[3] = {x, y, z};
                i[a] += step;
                expected += 0.5 * (a + 1) * Extended(P, c, i, a);
              }
            }
          }
          worst = fmax(worst, fabs(found - expected));
        }
      }
    }
  }
  assert_true(worst <= ROUNDING);
}

static void Check(const PetscInt n[3], PetscInt ncomp, const SnaFftKind kind[][3])
{
  Problem P;

  CreateProblem(n, ncomp, kind, &P);
  CheckSpectrum(&P);
  CheckRoundTrip(&P, PETSC_FALSE);
  CheckRoundTrip(&P, PETSC_TRUE);
  DestroyProblem(&P);
}

static void TestPeriodic(void **state)
{
  (void)state;
  for (size_t g = 0; g < sizeof(grids) / sizeof(grids[0]); g++) {
    for (PetscInt ncomp = 1; ncomp <= NCOMP; ncomp += 2) Check(grids[g], ncomp, NULL);
  }
}

static void TestMirror(void **state)
{
  (void)state;
  for (size_t g = 0; g < sizeof(grids) / sizeof(grids[0]); g++) {
    for (size_t m = 0; m < sizeof(mixes) / sizeof(mixes[0]); m++) {
      Check(grids[g], NCOMP, mixes[m]);
      Check(grids[g], 1, mixes[m] + 1);
    }
  }
}

// A file of plans is written, and one that is there does no harm.
static void TestWisdom(void **state)
{
  const PetscInt n[3]   = {8, 6, 4};
  char           path[] = "/tmp/sna_fft_XXXXXX";
  PetscMPIInt    rank;

  (void)state;
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  if (rank == 0) {
    const int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(unlink(path), 0);
  }
  MPI_Bcast(path, sizeof(path), MPI_CHAR, 0, PETSC_COMM_WORLD);
  for (int time = 0; time < 2; time++) {
    SnaFft fft;
    Ok(SnaFftCreate(PETSC_COMM_WORLD, n, 1, NULL, &(SnaFftTuning){.effort = "measure", .wisdom = path}, &fft));
    Ok(SnaFftDestroy(&fft));
    if (rank == 0) assert_int_equal(access(path, R_OK), 0);
    MPI_Barrier(PETSC_COMM_WORLD);
  }
  if (rank == 0) assert_int_equal(unlink(path), 0);
}

int main(int argc, char **argv)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(TestPeriodic),
    cmocka_unit_test(TestMirror),
    cmocka_unit_test(TestWisdom),
  };
  int failed;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  failed = cmocka_run_group_tests(tests, NULL, NULL);
  PetscCall(PetscFinalize());
  return failed;
}
