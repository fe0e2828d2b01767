// pca.c - principal components of a table whose rows are distributed over the ranks.
//
//   A = table - 1 mean^T (N x width) = Q R,  R = U S V^T:   component k = column k of V, deviation s_k/sqrt(N), share s_k^2 / sum s^2
//
// R comes from a tree of QR factorisations (Demmel, Grigori, Hoemmen, Langou, SIAM J. Sci. Comput. 34 (2012) A206): rows are stacked and, wherever there are more
// than twice the width, replaced by their triangular factor; the stacks of the ranks meet pairwise. A table with fewer rows than columns stays as it is
// on the way to rank 0, and its singular value decomposition (LAPACK's gesvd) begins with a factorisation along the longer side. No Gram matrix is formed, so
// components of small variance keep their digits.
//
// Does not: scale columns, or treat missing values. Rank 0 holds at most min(N, 2 width) rows.
#include <sna/data.h>
#include <petscblaslapack.h>
#include <math.h>

#define TAG           71
#define BLOCK_ENTRIES (1 << 26) // of a message
#define SMALLEST      1e-13     // singular values below this share of the norm of the uncentred table are round-off

typedef struct { // rows, column-major, that stand for all rows added so far
  PetscInt width, rows, capacity;
  double  *a; // a[row + capacity * column]
} Stack;

// Replaces the rows by the triangular factor, which has at most `width`.
static PetscErrorCode StackCompress(Stack *s)
{
  const PetscBLASInt rows = (PetscBLASInt)s->rows, width = (PetscBLASInt)s->width, lda = (PetscBLASInt)s->capacity;
  const PetscBLASInt lwork = 32 * width;
  PetscBLASInt       info;
  double            *tau, *work;

  PetscFunctionBeginUser;
  if (s->rows <= s->width) PetscFunctionReturn(0);
  PetscCall(PetscMalloc2(s->width, &tau, (size_t)lwork, &work));
  PetscCallBLAS("LAPACKgeqrf", LAPACKgeqrf_(&rows, &width, s->a, &lda, tau, work, &lwork, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK geqrf: %d", (int)info);
  for (PetscInt j = 0; j < s->width; j++)
    PetscCall(PetscArrayzero(s->a + (size_t)s->capacity * (size_t)j + j + 1, s->width - j - 1));
  s->rows = s->width;
  PetscCall(PetscFree2(tau, work));
  PetscFunctionReturn(0);
}

// Adds n rows (row-major) minus `mean` (NULL: 0).
static PetscErrorCode StackAdd(Stack *s, PetscInt n, const double table[], const double mean[])
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) {
    const double *row = table + (size_t)i * (size_t)s->width;

    if (s->rows == 2 * s->width) PetscCall(StackCompress(s));
    if (s->rows == s->capacity) { // at least doubled each time
      const PetscInt capacity = PetscMin(2 * s->width, PetscMax(2 * s->capacity, n));
      double        *a;

      PetscCall(PetscMalloc1((size_t)capacity * (size_t)s->width, &a));
      for (PetscInt j = 0; j < s->width; j++)
        PetscCall(PetscArraycpy(a + (size_t)capacity * (size_t)j, s->a + (size_t)s->capacity * (size_t)j, s->rows));
      PetscCall(PetscFree(s->a));
      s->a        = a;
      s->capacity = capacity;
    }
    for (PetscInt j = 0; j < s->width; j++)
      s->a[(size_t)s->rows + (size_t)s->capacity * (size_t)j] = row[j] - (mean ? mean[j] : 0);
    s->rows++;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode StackSend(MPI_Comm comm, PetscMPIInt to, const Stack *s)
{
  const PetscInt block = PetscMax(1, BLOCK_ENTRIES / s->width);
  double        *rows;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Send(&s->rows, 1, MPIU_INT, to, TAG, comm));
  PetscCall(PetscMalloc1((size_t)PetscMin(block, s->rows) * (size_t)s->width, &rows));
  for (PetscInt first = 0; first < s->rows; first += block) {
    const PetscInt n = PetscMin(block, s->rows - first);

    for (PetscInt i = 0; i < n; i++)
      for (PetscInt j = 0; j < s->width; j++)
        rows[(size_t)i * (size_t)s->width + (size_t)j] = s->a[(size_t)(first + i) + (size_t)s->capacity * (size_t)j];
    PetscCallMPI(MPI_Send(rows, (PetscMPIInt)(n * s->width), MPI_DOUBLE, to, TAG, comm));
  }
  PetscCall(PetscFree(rows));
  PetscFunctionReturn(0);
}

static PetscErrorCode StackReceive(MPI_Comm comm, PetscMPIInt from, Stack *s)
{
  const PetscInt block = PetscMax(1, BLOCK_ENTRIES / s->width);
  PetscInt       total;
  double        *rows;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Recv(&total, 1, MPIU_INT, from, TAG, comm, MPI_STATUS_IGNORE));
  PetscCall(PetscMalloc1((size_t)PetscMin(block, total) * (size_t)s->width, &rows));
  for (PetscInt first = 0; first < total; first += block) {
    const PetscInt n = PetscMin(block, total - first);

    PetscCallMPI(MPI_Recv(rows, (PetscMPIInt)(n * s->width), MPI_DOUBLE, from, TAG, comm, MPI_STATUS_IGNORE));
    PetscCall(StackAdd(s, n, rows, NULL));
  }
  PetscCall(PetscFree(rows));
  PetscFunctionReturn(0);
}

// Singular values and right singular vectors of the stack: *count of them, vector[k*width + j].
static PetscErrorCode StackDecompose(Stack *s, PetscInt *count, double **value, double **vector)
{
  const PetscInt     k    = PetscMin(s->rows, s->width);
  const PetscBLASInt rows = (PetscBLASInt)s->rows, width = (PetscBLASInt)s->width, lda = (PetscBLASInt)s->capacity;
  const PetscBLASInt kb = (PetscBLASInt)k, one = 1, query = -1;
  PetscBLASInt       info, lwork;
  double            *VT, *work, size, none;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)k * (size_t)s->width, &VT));
  PetscCall(PetscMalloc1((size_t)k * (size_t)s->width, vector));
  PetscCall(PetscMalloc1(k, value));
  PetscCallBLAS("LAPACKgesvd",
    LAPACKgesvd_("N", "S", &rows, &width, s->a, &lda, *value, &none, &one, VT, &kb, &size, &query, &info));
  lwork = (PetscBLASInt)size;
  PetscCall(PetscMalloc1((size_t)lwork, &work));
  PetscCallBLAS("LAPACKgesvd",
    LAPACKgesvd_("N", "S", &rows, &width, s->a, &lda, *value, &none, &one, VT, &kb, work, &lwork, &info));
  PetscCheck(info == 0, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK gesvd: %d", (int)info);
  for (PetscInt i = 0; i < k; i++)
    for (PetscInt j = 0; j < s->width; j++)
      (*vector)[(size_t)i * (size_t)s->width + (size_t)j] = VT[(size_t)i + (size_t)k * (size_t)j];
  *count = k;
  PetscCall(PetscFree(VT));
  PetscCall(PetscFree(work));
  PetscFunctionReturn(0);
}

// The largest entry becomes positive; of entries that differ by round-off the first one decides.
static void FixSign(PetscInt width, double v[])
{
  double largest = 0;

  for (PetscInt j = 0; j < width; j++) largest = PetscMax(largest, fabs(v[j]));
  for (PetscInt j = 0; j < width; j++) {
    if (fabs(v[j]) < (1 - 1e-6) * largest) continue;
    if (v[j] < 0)
      for (PetscInt i = 0; i < width; i++) v[i] = -v[i];
    return;
  }
}

// On rank 0: how many components there will be, from the singular values and the norm of the mean.
static PetscInt Choose(
  PetscInt nvalues, const double value[], double mean, PetscInt64 rows, PetscInt count, double variance, char message[])
{
  const PetscInt most  = (PetscInt)PetscMin((PetscInt64)nvalues, rows - 1);
  PetscInt       rank  = 0, k;
  double         total = 0, sum = 0, least;

  for (PetscInt i = 0; i < nvalues; i++) total += value[i] * value[i];
  least = SMALLEST * sqrt(total + (double)rows * mean * mean);
  while (rank < most && value[rank] > least) rank++;
  if (!rank)
    SnaMessageSet(message, "all signals are the same: they have no principal components");
  else if (count > rank)
    SnaMessageSet(message,
      "%" PetscInt_FMT " principal components of %" PetscInt64_FMT " signals that have only %" PetscInt_FMT, count,
      rows, rank);
  if (count) return PetscMin(count, rank);
  for (k = 0; k < rank && sum < variance * total; k++) sum += value[k] * value[k];
  return k;
}

PetscErrorCode SnaPcaFit(MPI_Comm comm, PetscInt n, PetscInt width, const double table[], PetscInt count,
  double variance, SnaPca *pca, char message[SNA_MAX_MESSAGE])
{
  Stack       stack  = {.width = width};
  PetscInt64  rows   = n;
  PetscInt    values = 0, kept = 0;
  double     *value = NULL, *vector = NULL, total = 0; // of squares
  PetscMPIInt rank, size;

  PetscFunctionBeginUser;
  PetscCheck(width > 0 && (count > 0 || variance > 0), comm, PETSC_ERR_ARG_OUTOFRANGE,
    "%" PetscInt_FMT " columns, %" PetscInt_FMT " components, share %g", width, count, variance);
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscMemzero(pca, sizeof(*pca)));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &rows, 1, MPIU_INT64, MPI_SUM, comm));
  if (rows < 2) {
    SnaMessageSet(message, "principal components need at least two signals");
    PetscFunctionReturn(0);
  }
  PetscCall(PetscCalloc1(width, &pca->mean));
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = 0; j < width; j++) pca->mean[j] += table[(size_t)i * (size_t)width + (size_t)j];
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, pca->mean, (PetscMPIInt)width, MPI_DOUBLE, MPI_SUM, comm));
  for (PetscInt j = 0; j < width; j++) {
    pca->mean[j] /= (double)rows;
    total += PetscSqr(pca->mean[j]);
  }
  if (!isfinite(total)) {
    SnaMessageSet(message, "signals hold NaN or infinite values");
    PetscCall(SnaPcaDestroy(pca));
    PetscFunctionReturn(0);
  }

  PetscCall(StackAdd(&stack, n, table, pca->mean));
  for (PetscMPIInt step = 1; step < size; step *= 2) {
    if (rank % (2 * step)) {
      PetscCall(StackCompress(&stack));
      PetscCall(StackSend(comm, rank - step, &stack));
      break;
    }
    if (rank + step < size) PetscCall(StackReceive(comm, rank + step, &stack));
  }
  if (rank == 0) {
    PetscCall(StackDecompose(&stack, &values, &value, &vector));
    kept = Choose(values, value, sqrt(total), rows, count, variance, message);
  }
  PetscCall(SnaMessageBroadcast(comm, message));
  if (message[0]) {
    PetscCall(SnaPcaDestroy(pca));
  } else {
    PetscCallMPI(MPI_Bcast(&kept, 1, MPIU_INT, 0, comm));
    pca->width = width;
    pca->count = kept;
    PetscCall(PetscMalloc1((size_t)kept * (size_t)width, &pca->component));
    PetscCall(PetscMalloc1(kept, &pca->deviation));
    PetscCall(PetscMalloc1(kept, &pca->share));
    if (rank == 0) {
      total = 0;
      for (PetscInt k = 0; k < values; k++) total += value[k] * value[k];
      for (PetscInt k = 0; k < kept; k++) {
        FixSign(width, vector + (size_t)k * (size_t)width);
        pca->deviation[k] = value[k] / sqrt((double)rows);
        pca->share[k]     = value[k] * value[k] / total;
      }
      PetscCall(PetscArraycpy(pca->component, vector, (size_t)kept * (size_t)width));
    }
    for (PetscInt k = 0; k < kept; k++)
      PetscCallMPI(MPI_Bcast(pca->component + (size_t)k * (size_t)width, (PetscMPIInt)width, MPI_DOUBLE, 0, comm));
    PetscCallMPI(MPI_Bcast(pca->deviation, (PetscMPIInt)kept, MPI_DOUBLE, 0, comm));
    PetscCallMPI(MPI_Bcast(pca->share, (PetscMPIInt)kept, MPI_DOUBLE, 0, comm));
  }
  PetscCall(PetscFree(stack.a));
  PetscCall(PetscFree(value));
  PetscCall(PetscFree(vector));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaPcaDestroy(SnaPca *pca)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(pca->mean));
  PetscCall(PetscFree(pca->component));
  PetscCall(PetscFree(pca->deviation));
  PetscCall(PetscFree(pca->share));
  PetscCall(PetscMemzero(pca, sizeof(*pca)));
  PetscFunctionReturn(0);
}

// Row by row, so that a row's scores do not depend on the rows beside it.
PetscErrorCode SnaPcaForward(const SnaPca *pca, PetscInt n, const double table[], double score[])
{
  const PetscBLASInt width = (PetscBLASInt)pca->width, count = (PetscBLASInt)pca->count, one = 1;
  const double       plus = 1, zero = 0;
  double            *row;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1(pca->width, &row));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt j = 0; j < pca->width; j++) row[j] = table[(size_t)i * (size_t)pca->width + (size_t)j] - pca->mean[j];
    PetscCallBLAS("BLASgemv", BLASgemv_("T", &width, &count, &plus, pca->component, &width, row, &one, &zero,
                                score + (size_t)i * (size_t)pca->count, &one));
  }
  PetscCall(PetscFree(row));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaPcaBackward(const SnaPca *pca, PetscInt n, const double score[], double table[])
{
  const PetscBLASInt width = (PetscBLASInt)pca->width, count = (PetscBLASInt)pca->count, one = 1;
  const double       plus = 1;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) {
    double *row = table + (size_t)i * (size_t)pca->width;

    PetscCall(PetscArraycpy(row, pca->mean, pca->width));
    PetscCallBLAS("BLASgemv", BLASgemv_("N", &width, &count, &plus, pca->component, &width,
                                score + (size_t)i * (size_t)pca->count, &one, &plus, row, &one));
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files: <group>/mean (width), component (count x width), deviation, share (count)
// ---------------------------------------------------------------------------------------------------------------------
typedef char Path[PETSC_MAX_PATH_LEN];

static PetscErrorCode Names(const char group[], Path path[4])
{
  static const char *const member[4] = {"mean", "component", "deviation", "share"};

  PetscFunctionBeginUser;
  for (int i = 0; i < 4; i++) PetscCall(PetscSNPrintf(path[i], sizeof(Path), "%s/%s", group, member[i]));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaPcaWrite(const SnaPca *pca, SnaFile file, const char group[])
{
  const PetscInt dims[2] = {pca->count, pca->width};
  Path           path[4];

  PetscFunctionBeginUser;
  PetscCall(Names(group, path));
  PetscCall(SnaFileWriteArray(file, path[0], 1, dims + 1, pca->mean));
  PetscCall(SnaFileWriteArray(file, path[1], 2, dims, pca->component));
  PetscCall(SnaFileWriteArray(file, path[2], 1, dims, pca->deviation));
  PetscCall(SnaFileWriteArray(file, path[3], 1, dims, pca->share));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaPcaRead(SnaFile file, const char group[], SnaPca *pca, PetscBool *ok)
{
  Path        path[4];
  PetscInt    dims[4] = {0};
  int         ndim    = 0;
  const char *error;

  PetscFunctionBeginUser;
  PetscCall(PetscMemzero(pca, sizeof(*pca)));
  *ok = PETSC_FALSE;
  PetscCall(Names(group, path));
  PetscCall(SnaFileReadArraySize(file, path[1], &ndim, dims));
  PetscCall(SnaFileGetError(file, &error));
  if (error) PetscFunctionReturn(0);
  if (ndim != 2 || dims[0] < 1 || dims[1] < 1) {
    PetscCall(SnaFileSetError(file, "%s: no principal components", path[1]));
    PetscFunctionReturn(0);
  }
  pca->count = dims[0];
  pca->width = dims[1];
  PetscCall(PetscMalloc1(pca->width, &pca->mean));
  PetscCall(PetscMalloc1((size_t)pca->count * (size_t)pca->width, &pca->component));
  PetscCall(PetscMalloc1(pca->count, &pca->deviation));
  PetscCall(PetscMalloc1(pca->count, &pca->share));
  PetscCall(SnaFileReadArray(file, path[0], pca->width, pca->mean));
  PetscCall(SnaFileReadArray(file, path[1], pca->count * pca->width, pca->component));
  PetscCall(SnaFileReadArray(file, path[2], pca->count, pca->deviation));
  PetscCall(SnaFileReadArray(file, path[3], pca->count, pca->share));
  PetscCall(SnaFileGetError(file, &error));
  if (error)
    PetscCall(SnaPcaDestroy(pca));
  else
    *ok = PETSC_TRUE;
  PetscFunctionReturn(0);
}
