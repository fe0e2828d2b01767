// Speed of the two-ended block-band Cholesky (SnaKron), next to dgemm and LAPACK's band Cholesky in the same run.
//
//   bench_band [-n N[,N]] [-m M,M,...] [-p P] [-terms K] [-seconds S]       on one or two ranks, one thread each
//
// Per size: rate of the factorisation by its true operation count, rate of dgemm (512 x 512 x 512) and their ratio,
// time of dpbtrf over time of the factorisation, assembly and solve over factorisation, storage. On two ranks also the
// speed-up over rank 0 alone, in the same run: of assembly, factorisation and solve together, and of the solve.
// Machines are shared: each time is the best of several repetitions, the candidates taking turns, and what runs on one
// rank is measured in processor time; the speed-up needs two free processors.
#include <sna/solve.h>
#include <petscblaslapack.h>
#include "solve/band.h"
#include <time.h>

// PETSc declares no band Cholesky.
extern void dpbtrf_(
  const char *, const PetscBLASInt *, const PetscBLASInt *, double *, const PetscBLASInt *, PetscBLASInt *);

typedef struct {
  PetscInt    n, p, m, nk;
  double    **M, **W;
  double     *b, *x;
  PetscMPIInt rank, size;
} Bench;

static double Random(uint64_t *seed)
{
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (double)(*seed >> 11) / 9007199254740992.0 - 0.5;
}

static double ProcessorTime(void)
{
  struct timespec t;

  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// A barrier that leaves the processor to the others.
static PetscErrorCode Wait(void)
{
  MPI_Request request;
  int         done = 0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Ibarrier(PETSC_COMM_WORLD, &request));
  while (!done) {
    PetscCallMPI(MPI_Test(&request, &done, MPI_STATUS_IGNORE));
    if (!done) nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
  }
  PetscFunctionReturn(0);
}

// Symmetric terms with a dominant diagonal: only the cost matters.
static PetscErrorCode CreateTerms(Bench *B)
{
  const PetscInt width = 2 * B->p + 1;
  uint64_t       seed  = 1;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc4(B->nk, &B->M, B->nk, &B->W, B->n * (size_t)B->m, &B->b, B->n * (size_t)B->m, &B->x));
  for (PetscInt k = 0; k < B->nk; k++) {
    PetscCall(PetscCalloc1(B->n * (size_t)width, &B->M[k]));
    PetscCall(PetscMalloc1(B->m * (size_t)B->m, &B->W[k]));
    for (PetscInt i = 0; i < B->n; i++) {
      for (PetscInt j = PetscMax(0, i - B->p); j <= i; j++) {
        const double v                    = i == j ? 2.0 * (double)width : Random(&seed);
        B->M[k][i * width + j - i + B->p] = B->M[k][j * width + i - j + B->p] = v;
      }
    }
    for (PetscInt r = 0; r < B->m; r++) {
      for (PetscInt s = 0; s <= r; s++)
        B->W[k][r * B->m + s] = B->W[k][s * B->m + r] = r == s ? (double)B->m : Random(&seed);
    }
  }
  for (PetscInt i = 0; i < B->n * B->m; i++) B->b[i] = Random(&seed);
  PetscFunctionReturn(0);
}

static PetscErrorCode DestroyTerms(Bench *B)
{
  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < B->nk; k++) {
    PetscCall(PetscFree(B->M[k]));
    PetscCall(PetscFree(B->W[k]));
  }
  PetscCall(PetscFree4(B->M, B->W, B->b, B->x));
  PetscFunctionReturn(0);
}

// Seconds of one dgemm with m = n = k = 512.
static PetscErrorCode TimeGemm(double work[], double *best)
{
  const PetscBLASInt size = 512;
  const double       one  = 1;
  double             t    = ProcessorTime();

  PetscFunctionBeginUser;
  PetscCallBLAS("dgemm", BLASgemm_("N", "T", &size, &size, &size, &one, work, &size, work + size * size, &size, &one,
                           work + 2 * size * size, &size));
  t     = ProcessorTime() - t;
  *best = PetscMin(*best, t);
  PetscFunctionReturn(0);
}

// LAPACK's dpbtrf on a matrix of the same band; the values are simple, the work is the same.
static PetscErrorCode TimePbtrf(Bench *B, double band[], double *best)
{
  PetscBLASInt N = (PetscBLASInt)(B->n * B->m), kd = (PetscBLASInt)PetscMin(N - 1, (B->p + 1) * B->m - 1), ld = kd + 1,
               info;
  double t;

  PetscFunctionBeginUser;
  for (PetscBLASInt j = 0; j < N; j++) {
    for (PetscBLASInt i = 0; i <= kd; i++) band[(size_t)j * (size_t)ld + (size_t)i] = i == 0 ? 2.0 * kd : 0.5;
  }
  t = ProcessorTime();
  dpbtrf_("L", &N, &kd, band, &ld, &info);
  t = ProcessorTime() - t;
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "dpbtrf: %d", (int)info);
  *best = PetscMin(*best, t);
  PetscFunctionReturn(0);
}

// One rank's kernels by themselves: assembly, factorisation, solve of the whole matrix as a head with a middle of p
// block rows.
static PetscErrorCode TimeBand(Bench *B, SnaBand band, double best[3])
{
  PetscBool ok;
  double    t[4], *head, *middle;

  PetscFunctionBeginUser;
  PetscCall(SnaBandGetVector(band, &head, &middle));
  t[0] = ProcessorTime();
  PetscCall(SnaBandAssemble(
    band, B->n, PETSC_FALSE, PETSC_TRUE, B->nk, (const double *const *)B->M, (const double *const *)B->W, B->m, 0));
  t[1] = ProcessorTime();
  PetscCall(SnaBandEliminate(band, &ok));
  if (ok) PetscCall(SnaBandFactorRest(band, &ok));
  t[2] = ProcessorTime();
  PetscCall(PetscArraycpy(head, B->b, (middle - head)));
  PetscCall(SnaBandForward(band));
  PetscCall(SnaBandSolveRest(band));
  PetscCall(SnaBandBackward(band));
  t[3] = ProcessorTime();
  PetscCheck(ok, PETSC_COMM_SELF, PETSC_ERR_LIB, "the matrix is not positive definite");
  for (int i = 0; i < 3; i++) best[i] = PetscMin(best[i], t[i + 1] - t[i]);
  PetscFunctionReturn(0);
}

// The whole object: best[0] a solve with new terms (assembly, factorisation, solve), best[1] one with the same.
static PetscErrorCode TimeKron(Bench *B, SnaKron A, MPI_Comm comm, double best[2])
{
  PetscInt  first, last;
  PetscBool failed;

  PetscFunctionBeginUser;
  PetscCall(SnaKronGetRows(A, &first, &last));
  PetscCall(SnaKronSetTerms(A, B->nk, (const double *const *)B->M, (const double *const *)B->W, B->m, 0));
  for (int i = 0; i < 2; i++) {
    double t;
    PetscCallMPI(MPI_Barrier(comm));
    t = MPI_Wtime();
    PetscCall(SnaKronSolve(A, B->b + first * B->m, B->x, &failed));
    PetscCallMPI(MPI_Barrier(comm));
    t       = MPI_Wtime() - t;
    best[i] = PetscMin(best[i], t);
    PetscCheck(!failed, comm, PETSC_ERR_LIB, "the matrix is not positive definite");
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Measure(Bench *B, double seconds, double gemm[])
{
  const size_t N   = (size_t)(B->n * B->m);
  double kernel[3] = {1e9, 1e9, 1e9}, alone[2] = {1e9, 1e9}, both[2] = {1e9, 1e9}, pbtrf = 1e9, dgemm = 1e9, flops,
         bytes, start, *storage;
  SnaKron     A, one;
  SnaBand     band;
  PetscMPIInt more = 1;
  void       *memory;
  size_t      numbers;

  PetscFunctionBeginUser;
  PetscCall(CreateTerms(B));
  PetscCall(SnaKronCreate(PETSC_COMM_SELF, B->n, B->p, B->m, NULL, &one));
  PetscCall(SnaKronCreate(PETSC_COMM_WORLD, B->n, B->p, B->m, NULL, &A));
  PetscCall(SnaBandCreate(B->n, PetscMax(0, B->n - B->p), B->p, B->m, &band));
  PetscCall(SnaBandGetSize(band, &numbers));
  PetscCall(PetscMalloc(numbers * sizeof(double) + 64, &memory));
  PetscCall(SnaBandSetStorage(band, (double *)(((uintptr_t)memory + 63) / 64 * 64)));
  PetscCall(PetscMalloc1(N * (size_t)(PetscMin((PetscInt)N, (B->p + 1) * B->m)), &storage));
  start = MPI_Wtime();
  for (int repetition = 0; repetition < 3 || more; repetition++) {
    if (B->rank == 0) {
      for (int i = 0; i < 3; i++) PetscCall(TimeBand(B, band, kernel));
      PetscCall(TimeKron(B, one, PETSC_COMM_SELF, alone));
      PetscCall(TimeGemm(gemm, &dgemm));
      PetscCall(TimePbtrf(B, storage, &pbtrf));
    }
    PetscCall(Wait());
    PetscCall(TimeKron(B, A, PETSC_COMM_WORLD, both));
    more = MPI_Wtime() - start < seconds;
    PetscCallMPI(MPI_Bcast(&more, 1, MPI_INT, 0, PETSC_COMM_WORLD));
  }
  flops = SnaBandFlops(B->n, PetscMax(0, B->n - B->p), B->p, B->m);
  bytes = (double)(PetscMin(B->p, B->n) * B->m);
  flops += bytes * bytes * bytes / 3;
  PetscCall(SnaBandGetBytes(band, &bytes));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%4d %4d  %9.3f %6.1f %6.1f %6.2f  %6.2f  %6.2f %6.2f  %7.1f", (int)B->m,
    (int)B->n, 1e3 * kernel[1], 1e-9 * flops / kernel[1], 2e-9 * 512.0 * 512 * 512 / dgemm,
    flops / kernel[1] / (2 * 512.0 * 512 * 512 / dgemm), pbtrf / kernel[1], kernel[0] / kernel[1],
    kernel[2] / kernel[1], 1e-6 * bytes));
  if (B->size > 1) PetscCall(PetscPrintf(PETSC_COMM_WORLD, "  %7.2f %7.2f", alone[0] / both[0], alone[1] / both[1]));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "\n"));
  PetscCall(PetscFree(storage));
  PetscCall(SnaBandDestroy(&band));
  PetscCall(PetscFree(memory));
  PetscCall(SnaKronDestroy(&one));
  PetscCall(SnaKronDestroy(&A));
  PetscCall(DestroyTerms(B));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscInt  m[16] = {8, 16, 32, 64, 128, 256}, n[16] = {35, 43}, nm = 16, nn = 16;
  PetscReal seconds = 1;
  PetscBool given;
  Bench     B = {.p = 3, .nk = 16};
  double   *gemm;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &B.rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &B.size));
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-m", m, &nm, &given));
  if (!given) nm = 6;
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-n", n, &nn, &given));
  if (!given) nn = 2;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-p", &B.p, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-terms", &B.nk, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-seconds", &seconds, NULL));
  PetscCall(PetscMalloc1(3 * 512 * 512, &gemm));
  for (PetscInt i = 0; i < 3 * 512 * 512; i++) gemm[i] = 1.0 / (double)(i + 1);
  PetscCall(PetscPrintf(PETSC_COMM_WORLD,
    "p = %d, %d terms\n   m    n  factor ms   GF/s  dgemm  ratio  dpbtrf  assemb  solve       MB%s\n", (int)B.p,
    (int)B.nk, B.size > 1 ? "  2 ranks:  solve" : ""));
  for (PetscInt i = 0; i < nn; i++) {
    for (PetscInt j = 0; j < nm; j++) {
      B.n = n[i];
      B.m = m[j];
      PetscCall(Measure(&B, seconds, gemm));
    }
  }
  PetscCall(PetscFree(gemm));
  PetscCall(PetscFinalize());
  return 0;
}
