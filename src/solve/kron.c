// kron.c - sums of Kronecker products of a banded and a dense matrix (sna/solve.h, SnaKron): split over ranks,
// matrix-free product, two-ended block-band Cholesky as a PETSc preconditioner, and assembly to MATSBAIJ for other
// preconditioners.
//
// The head of the matrix is eliminated by one SnaBand, the tail by another one that reads the matrix backwards; the
// tail's Schur complement is sent to the head's rank, added there, and the middle is factorised:
//
//   A_mm - sum over head and tail of L_m L_m^T        two-ended elimination: van der Vorst, Parallel Computing 5, 1987
//
// Two ranks at most: more would need separators of p blocks whose fill costs more than the ranks bring.
#include <sna/solve.h>
#include <petscblaslapack.h>
#include "band.h"

// Present in OpenBLAS only. The ranks fill the machine, so a product must not start threads of its own.
extern void openblas_set_num_threads(int) __attribute__((weak));

struct SnaKron_ {
  MPI_Comm       comm; // a duplicate: messages of our own
  PetscMPIInt    size, rank, tag;
  PetscInt       n, p, m;
  PetscInt       first, last, head, middle; // this rank's block rows; block rows of the head and of the middle
  PetscInt       nk, ldw;
  const double **M, **W; // borrowed from the caller
  double         shift;
  SnaBand        front, back; // head and middle; tail and middle read backwards. NULL where another rank has them
  SnaKronStorage storage;     // memory of front, back and schur
  PetscBool      owns_storage;
  double        *schur; // the tail's lower triangle of the middle, and 1 or 0 for whether its pivots were positive
  double        *rows, *product; // block rows with halo; M_k times them
  Mat            shell, assembled;
  PetscBool      use_assembled;   // as the operator (mat_type sbaij)
  PetscBool      assembled_valid; // agrees with the terms
  KSP            ksp;
  Vec            b, x;
};

void SnaKronSplit(PetscInt n, PetscInt p, PetscMPIInt size, PetscMPIInt rank, PetscInt *first, PetscInt *last,
  PetscInt *head, PetscInt *middle)
{
  *middle = PetscMin(p, n);
  *head   = (n - *middle) / 2; // an odd row goes to the tail: the head's rank also factorises the middle
  *first  = rank == 0 ? 0 : *head + *middle;
  *last   = size > 1 && rank == 0 ? *head + *middle : n;
}

PetscErrorCode SnaKronGetRows(SnaKron A, PetscInt *first, PetscInt *last)
{
  PetscFunctionBeginUser;
  *first = A->first;
  *last  = A->last;
  PetscFunctionReturn(0);
}

static inline double Entry(SnaKron A, PetscInt k, PetscInt i, PetscInt j)
{
  return A->M[k][i * (2 * A->p + 1) + j - i + A->p];
}

// ---------------------------------------------------------------------------------------------------------------------
// Product, diagonal, entries
// ---------------------------------------------------------------------------------------------------------------------
// Gathers block rows first-p .. last+p-1, as far as they exist, in A->rows; *low is the first of them.
static PetscErrorCode GatherRows(SnaKron A, const double x[], PetscInt *low)
{
  const PetscInt m = A->m, border = A->head + A->middle; // between the ranks
  PetscInt       above = PetscMin(A->p, border), below = PetscMin(A->p, A->n - border);

  PetscFunctionBeginUser;
  *low = A->first;
  if (A->size > 1) {
    const PetscBool top  = (PetscBool)(A->rank == 0);
    const PetscInt  send = top ? above : below, receive = top ? below : above;
    const double   *outgoing = top ? x + (border - above) * m : x;
    double         *incoming = top ? A->rows + border * m : A->rows;

    if (!top) *low -= above;
    PetscCallMPI(MPI_Sendrecv(outgoing, (PetscMPIInt)(send * m), MPI_DOUBLE, 1 - A->rank, A->tag, incoming,
      (PetscMPIInt)(receive * m), MPI_DOUBLE, 1 - A->rank, A->tag, A->comm, MPI_STATUS_IGNORE));
  }
  PetscCall(PetscArraycpy(A->rows + (A->first - *low) * m, x, (A->last - A->first) * m));
  PetscFunctionReturn(0);
}

// y = shift x + sum_k (M_k x) W_k^T with x and y as matrices of m columns.
PetscErrorCode SnaKronApply(SnaKron A, const double x[], double y[])
{
  const PetscInt m = A->m, local = A->last - A->first;
  const double   one = 1;
  PetscInt       low;
  PetscBLASInt   bm, blocal, bldw;

  PetscFunctionBeginUser;
  PetscCheck(A->nk > 0, A->comm, PETSC_ERR_ORDER, "SnaKronSetTerms comes first");
  PetscCall(PetscBLASIntCast(m, &bm));
  PetscCall(PetscBLASIntCast(local, &blocal));
  PetscCall(PetscBLASIntCast(A->ldw, &bldw));
  PetscCall(GatherRows(A, x, &low));
  for (PetscInt i = 0; i < local * m; i++) y[i] = A->shift * A->rows[(A->first - low) * m + i];
  for (PetscInt k = 0; k < A->nk && local > 0; k++) {
    for (PetscInt i = A->first; i < A->last; i++) {
      double *to = A->product + (i - A->first) * m;
      PetscCall(PetscArrayzero(to, m));
      for (PetscInt j = PetscMax(0, i - A->p); j < PetscMin(A->n, i + A->p + 1); j++) {
        const double  a    = Entry(A, k, i, j);
        const double *from = A->rows + (j - low) * m;
        for (PetscInt r = 0; r < m; r++) to[r] += a * from[r];
      }
    }
    PetscCallBLAS("dgemm", BLASgemm_("T", "N", &bm, &blocal, &bm, &one, A->W[k], &bldw, A->product, &bm, &one, y, &bm));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode MatMult_Kron(Mat mat, Vec x, Vec y)
{
  SnaKron       A;
  const double *xa;
  double       *ya;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(mat, &A));
  PetscCall(VecGetArrayRead(x, &xa));
  PetscCall(VecGetArrayWrite(y, &ya));
  PetscCall(SnaKronApply(A, xa, ya));
  PetscCall(VecRestoreArrayWrite(y, &ya));
  PetscCall(VecRestoreArrayRead(x, &xa));
  PetscFunctionReturn(0);
}

static PetscErrorCode MatGetDiagonal_Kron(Mat mat, Vec d)
{
  SnaKron A;
  double *da;

  PetscFunctionBeginUser;
  PetscCall(MatShellGetContext(mat, &A));
  PetscCheck(A->nk > 0, A->comm, PETSC_ERR_ORDER, "SnaKronSetTerms comes first");
  PetscCall(VecGetArrayWrite(d, &da));
  for (PetscInt i = A->first; i < A->last; i++) {
    for (PetscInt r = 0; r < A->m; r++) {
      double sum = A->shift;
      for (PetscInt k = 0; k < A->nk; k++) sum += Entry(A, k, i, i) * A->W[k][r * A->ldw + r];
      da[(i - A->first) * A->m + r] = sum;
    }
  }
  PetscCall(VecRestoreArrayWrite(d, &da));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaKronGetMeanDiagonal(SnaKron A, double *mean)
{
  double sum = 0;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < A->nk; k++) {
    double trace_m = 0, trace_w = 0;
    for (PetscInt i = 0; i < A->n; i++) trace_m += Entry(A, k, i, i);
    for (PetscInt r = 0; r < A->m; r++) trace_w += A->W[k][r * A->ldw + r];
    sum += trace_m * trace_w;
  }
  *mean = sum / ((double)A->n * (double)A->m);
  PetscFunctionReturn(0);
}

// Block (i,j), m x m by rows.
static PetscErrorCode GetBlock(SnaKron A, PetscInt i, PetscInt j, double block[])
{
  const PetscInt m = A->m;

  PetscFunctionBeginUser;
  PetscCall(PetscArrayzero(block, m * m));
  for (PetscInt k = 0; k < A->nk; k++) {
    const double a = Entry(A, k, i, j);
    for (PetscInt r = 0; r < m; r++) {
      for (PetscInt s = 0; s < m; s++) block[r * m + s] += a * A->W[k][r * A->ldw + s];
    }
  }
  for (PetscInt r = 0; i == j && r < m; r++) block[r * m + r] += A->shift;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaKronGetDense(SnaKron A, double dense[])
{
  const PetscInt m    = A->m;
  const size_t   size = (size_t)A->n * (size_t)m;
  double        *block;

  PetscFunctionBeginUser;
  PetscCheck(A->size == 1, A->comm, PETSC_ERR_SUP, "a dense copy needs one rank");
  PetscCall(PetscMalloc1(m * (size_t)m, &block));
  PetscCall(PetscArrayzero(dense, size * size));
  for (PetscInt i = 0; i < A->n; i++) {
    for (PetscInt j = PetscMax(0, i - A->p); j < PetscMin(A->n, i + A->p + 1); j++) {
      PetscCall(GetBlock(A, i, j, block));
      for (PetscInt r = 0; r < m; r++)
        PetscCall(PetscArraycpy(dense + (size_t)(i * m + r) * size + j * m, block + r * m, m));
    }
  }
  PetscCall(PetscFree(block));
  PetscFunctionReturn(0);
}

// Entries for preconditioners that need them. SBAIJ keeps the blocks of the upper triangle.
static PetscErrorCode Assemble(SnaKron A)
{
  const PetscInt local = (A->last - A->first) * A->m;
  double        *block;

  PetscFunctionBeginUser;
  if (A->assembled_valid) PetscFunctionReturn(0);
  if (!A->assembled) {
    PetscCall(
      MatCreateSBAIJ(A->comm, A->m, local, local, A->n * A->m, A->n * A->m, A->p + 1, NULL, A->p, NULL, &A->assembled));
    PetscCall(MatSetOption(A->assembled, MAT_SPD, PETSC_TRUE));
  }
  PetscCall(PetscMalloc1(A->m * (size_t)A->m, &block));
  for (PetscInt i = A->first; i < A->last; i++) {
    for (PetscInt j = i; j < PetscMin(A->n, i + A->p + 1); j++) {
      PetscCall(GetBlock(A, i, j, block));
      PetscCall(MatSetValuesBlocked(A->assembled, 1, &i, 1, &j, block, INSERT_VALUES));
    }
  }
  PetscCall(MatAssemblyBegin(A->assembled, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A->assembled, MAT_FINAL_ASSEMBLY));
  PetscCall(PetscFree(block));
  A->assembled_valid = PETSC_TRUE;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Memory that several operators use in turn
// ---------------------------------------------------------------------------------------------------------------------
#define ALIGNMENT 64

struct SnaKronStorage_ {
  void  *memory;
  size_t numbers;
};

PetscErrorCode SnaKronStorageCreate(SnaKronStorage *storage)
{
  PetscFunctionBeginUser;
  PetscCall(PetscNew(storage));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaKronStorageDestroy(SnaKronStorage *storage)
{
  PetscFunctionBeginUser;
  if (!*storage) PetscFunctionReturn(0);
  PetscCall(PetscFree((*storage)->memory));
  PetscCall(PetscFree(*storage));
  PetscFunctionReturn(0);
}

static PetscErrorCode StorageReserve(SnaKronStorage storage, size_t numbers, double **aligned)
{
  PetscFunctionBeginUser;
  if (numbers > storage->numbers) {
    PetscCall(PetscFree(storage->memory));
    PetscCall(PetscMalloc(numbers * sizeof(double) + ALIGNMENT, &storage->memory));
    storage->numbers = numbers;
  }
  *aligned = (double *)(((uintptr_t)storage->memory + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaKronSetStorage(SnaKron A, SnaKronStorage storage)
{
  PetscFunctionBeginUser;
  PetscCheck(!A->storage, A->comm, PETSC_ERR_ORDER, "the operator has storage already");
  A->storage = storage;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Two-ended Cholesky as a preconditioner
// ---------------------------------------------------------------------------------------------------------------------
// The layout on first use (other preconditioners do without); the memory is there for this factorisation until the next one in the same storage.
static PetscErrorCode PlaceBands(SnaKron A)
{
  const PetscInt size = A->middle * A->m, tail = A->n - A->head - A->middle;
  size_t         front = 0, back = 0;
  double        *numbers = NULL;

  PetscFunctionBeginUser;
  if (A->rank == 0 && !A->front) PetscCall(SnaBandCreate(A->head + A->middle, A->head, A->p, A->m, &A->front));
  if (A->rank == A->size - 1 && !A->back) PetscCall(SnaBandCreate(tail + A->middle, tail, A->p, A->m, &A->back));
  if (!A->storage) {
    PetscCall(SnaKronStorageCreate(&A->storage));
    A->owns_storage = PETSC_TRUE;
  }
  if (A->front) PetscCall(SnaBandGetSize(A->front, &front));
  if (A->back) PetscCall(SnaBandGetSize(A->back, &back));
  PetscCall(StorageReserve(A->storage, front + back + (size_t)size * (size_t)(size + 1) / 2 + 1, &numbers));
  if (A->front) PetscCall(SnaBandSetStorage(A->front, numbers));
  if (A->back) PetscCall(SnaBandSetStorage(A->back, numbers + front));
  A->schur = numbers + front + back;
  PetscFunctionReturn(0);
}

static PetscErrorCode PCSetUp_Kron(PC pc)
{
  SnaKron     A;
  PetscInt    size, count;
  PetscBool   ok = PETSC_TRUE;
  PetscMPIInt good;

  PetscFunctionBeginUser;
  PetscCall(PCShellGetContext(pc, &A));
  PetscCall(PlaceBands(A));
  size  = A->middle * A->m;
  count = size * (size + 1) / 2;
  if (A->rank == 0) {
    PetscCall(SnaBandAssemble(A->front, A->n, PETSC_FALSE, PETSC_TRUE, A->nk, A->M, A->W, A->ldw, A->shift));
    PetscCall(SnaBandEliminate(A->front, &ok));
  }
  if (A->rank == A->size - 1) {
    PetscBool back_ok;
    PetscCall(SnaBandAssemble(A->back, A->n, PETSC_TRUE, PETSC_FALSE, A->nk, A->M, A->W, A->ldw, A->shift));
    PetscCall(SnaBandEliminate(A->back, &back_ok));
    PetscCall(SnaBandGetRest(A->back, A->schur));
    A->schur[count] = back_ok ? 1 : 0;
  }
  if (A->size > 1) {
    if (A->rank == 1)
      PetscCallMPI(MPI_Send(A->schur, (PetscMPIInt)(count + 1), MPI_DOUBLE, 0, A->tag, A->comm));
    else
      PetscCallMPI(MPI_Recv(A->schur, (PetscMPIInt)(count + 1), MPI_DOUBLE, 1, A->tag, A->comm, MPI_STATUS_IGNORE));
  }
  if (A->rank == 0) {
    ok = (PetscBool)(ok && A->schur[count] > 0);
    if (ok) {
      PetscCall(SnaBandAddRestReversed(A->front, A->schur));
      PetscCall(SnaBandFactorRest(A->front, &ok));
    }
  }
  good = ok ? 1 : 0;
  PetscCallMPI(MPI_Bcast(&good, 1, MPI_INT, 0, A->comm));
  PetscCall(PCSetFailedReason(pc, good ? PC_NOERROR : PC_FACTOR_NUMERIC_ZEROPIVOT));
  PetscFunctionReturn(0);
}

// Copies `count` block rows in reversed order.
static PetscErrorCode CopyReversed(PetscInt count, PetscInt m, const double from[], double to[])
{
  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < count; i++) PetscCall(PetscArraycpy(to + (count - 1 - i) * m, from + i * m, m));
  PetscFunctionReturn(0);
}

static PetscErrorCode PCApply_Kron(PC pc, Vec b, Vec x)
{
  SnaKron        A;
  PCFailedReason failed;
  const double  *ba;
  double        *xa, *front = NULL, *front_middle = NULL, *back = NULL, *back_middle = NULL;
  PetscInt       m, h, w, t;
  PetscMPIInt    count;

  PetscFunctionBeginUser;
  PetscCall(PCShellGetContext(pc, &A));
  PetscCall(PCGetFailedReasonRank(pc, &failed));
  if (failed) {
    PetscCall(VecSetInf(x));
    PetscFunctionReturn(0);
  }
  m     = A->m;
  h     = A->head;
  w     = A->middle;
  t     = A->n - h - w;
  count = (PetscMPIInt)(w * m);
  PetscCall(VecGetArrayRead(b, &ba));
  if (A->rank == 0) {
    PetscCall(SnaBandGetVector(A->front, &front, &front_middle));
    PetscCall(PetscArraycpy(front, ba, h * m));
    PetscCall(PetscArraycpy(front_middle, ba + h * m, w * m));
    PetscCall(SnaBandForward(A->front));
  }
  if (A->rank == A->size - 1) {
    PetscCall(SnaBandGetVector(A->back, &back, &back_middle));
    PetscCall(CopyReversed(t, m, ba + (h + w - A->first) * m, back));
    PetscCall(PetscArrayzero(back_middle, w * m));
    PetscCall(SnaBandForward(A->back));
    PetscCall(CopyReversed(w, m, back_middle, A->rows));
  }
  PetscCall(VecRestoreArrayRead(b, &ba));
  if (A->size > 1) {
    if (A->rank == 1)
      PetscCallMPI(MPI_Send(A->rows, count, MPI_DOUBLE, 0, A->tag, A->comm));
    else
      PetscCallMPI(MPI_Recv(A->rows, count, MPI_DOUBLE, 1, A->tag, A->comm, MPI_STATUS_IGNORE));
  }
  if (A->rank == 0) {
    for (PetscInt i = 0; i < w * m; i++) front_middle[i] += A->rows[i];
    PetscCall(SnaBandSolveRest(A->front));
    PetscCall(PetscArraycpy(A->rows, front_middle, w * m));
  }
  if (A->size > 1) {
    if (A->rank == 0)
      PetscCallMPI(MPI_Send(A->rows, count, MPI_DOUBLE, 1, A->tag, A->comm));
    else
      PetscCallMPI(MPI_Recv(A->rows, count, MPI_DOUBLE, 0, A->tag, A->comm, MPI_STATUS_IGNORE));
  }
  PetscCall(VecGetArrayWrite(x, &xa));
  if (A->rank == 0) {
    PetscCall(SnaBandBackward(A->front));
    PetscCall(PetscArraycpy(xa, front, h * m));
    PetscCall(PetscArraycpy(xa + h * m, front_middle, w * m));
  }
  if (A->rank == A->size - 1) {
    PetscCall(CopyReversed(w, m, A->rows, back_middle));
    PetscCall(SnaBandBackward(A->back));
    PetscCall(CopyReversed(t, m, back, xa + (h + w - A->first) * m));
  }
  PetscCall(VecRestoreArrayWrite(x, &xa));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Life and solve
// ---------------------------------------------------------------------------------------------------------------------
// The KSP with its options. A preconditioner that is not a factorisation needs iterations, so CG is the default with
// it.
static PetscErrorCode SetUpKSP(SnaKron A, const char prefix[])
{
  static const char *const types[] = {"shell", "sbaij"};
  PetscInt                 type    = 0;
  PetscBool                factorisation, given;
  PC                       pc;

  PetscFunctionBeginUser;
  PetscOptionsBegin(A->comm, prefix, "Sum of Kronecker products", "Mat")
    ;
    PetscCall(PetscOptionsEList(
      "-mat_type", "Matrix-free or assembled operator", "SnaKronCreate", types, 2, types[0], &type, NULL));
  PetscOptionsEnd();
  A->use_assembled = (PetscBool)(type == 1);
  PetscCall(KSPCreate(A->comm, &A->ksp));
  PetscCall(KSPSetOptionsPrefix(A->ksp, prefix));
  PetscCall(KSPSetOperators(A->ksp, A->shell, A->shell));
  PetscCall(KSPSetType(A->ksp, KSPPREONLY));
  PetscCall(KSPGetPC(A->ksp, &pc));
  PetscCall(PCSetType(pc, PCSHELL));
  PetscCall(PCShellSetName(pc, "two-ended block-band Cholesky"));
  PetscCall(PCShellSetContext(pc, A));
  PetscCall(PCShellSetSetUp(pc, PCSetUp_Kron));
  PetscCall(PCShellSetApply(pc, PCApply_Kron));
  PetscCall(KSPSetFromOptions(A->ksp));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, &factorisation, PCSHELL, PCCHOLESKY, PCLU, ""));
  PetscCall(PetscOptionsHasName(NULL, prefix, "-ksp_type", &given));
  if (!factorisation && !given) {
    PetscCall(KSPSetType(A->ksp, KSPCG));
    PetscCall(KSPSetFromOptions(A->ksp)); // again: KSPPREONLY skipped the options of iterations
  }
  PetscCall(PetscObjectTypeCompare((PetscObject)A->ksp, KSPPREONLY, &given));
  if (given) PetscCall(KSPSetInitialGuessNonzero(A->ksp, PETSC_FALSE)); // it has no use for a guess and refuses one
  PetscFunctionReturn(0);
}

PetscErrorCode SnaKronCreate(MPI_Comm comm, PetscInt n, PetscInt p, PetscInt m, const char prefix[], SnaKron *kron)
{
  SnaKron  A;
  PetscInt local;

  PetscFunctionBeginUser;
  PetscCheck(n >= 1 && p >= 0 && m >= 1, comm, PETSC_ERR_ARG_OUTOFRANGE,
    "n = %" PetscInt_FMT ", p = %" PetscInt_FMT ", m = %" PetscInt_FMT, n, p, m);
  PetscCall(PetscNew(&A));
  *kron = A; // whole enough to be destroyed when PETSc refuses an option below
  PetscCall(PetscCommDuplicate(comm, &A->comm, &A->tag));
  PetscCallMPI(MPI_Comm_size(A->comm, &A->size));
  PetscCallMPI(MPI_Comm_rank(A->comm, &A->rank));
  PetscCheck(A->size <= 2, comm, PETSC_ERR_SUP, "the two ends of a band are for one or two ranks, not %d", A->size);
  if (openblas_set_num_threads) openblas_set_num_threads(1);
  A->n = n;
  A->p = p;
  A->m = m;
  SnaKronSplit(n, p, A->size, A->rank, &A->first, &A->last, &A->head, &A->middle);
  local = (A->last - A->first) * m;
  PetscCall(PetscMalloc2((A->last - A->first + 2 * p) * (size_t)m, &A->rows, local, &A->product));
  PetscCall(MatCreateShell(A->comm, local, local, n * m, n * m, A, &A->shell));
  PetscCall(MatShellSetOperation(A->shell, MATOP_MULT, (void (*)(void))MatMult_Kron));
  PetscCall(MatShellSetOperation(A->shell, MATOP_MULT_TRANSPOSE, (void (*)(void))MatMult_Kron));
  PetscCall(MatShellSetOperation(A->shell, MATOP_GET_DIAGONAL, (void (*)(void))MatGetDiagonal_Kron));
  PetscCall(MatSetOption(A->shell, MAT_SPD, PETSC_TRUE));
  PetscCall(MatCreateVecs(A->shell, &A->x, &A->b));
  PetscCall(SetUpKSP(A, prefix));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaKronDestroy(SnaKron *kron)
{
  SnaKron A = *kron;

  PetscFunctionBeginUser;
  if (!A) PetscFunctionReturn(0);
  PetscCall(KSPDestroy(&A->ksp));
  PetscCall(MatDestroy(&A->shell));
  PetscCall(MatDestroy(&A->assembled));
  PetscCall(VecDestroy(&A->b));
  PetscCall(VecDestroy(&A->x));
  PetscCall(SnaBandDestroy(&A->front));
  PetscCall(SnaBandDestroy(&A->back));
  if (A->owns_storage) PetscCall(SnaKronStorageDestroy(&A->storage));
  PetscCall(PetscFree2(A->rows, A->product));
  PetscCall(PetscFree2(A->M, A->W));
  PetscCall(PetscCommDestroy(&A->comm));
  PetscCall(PetscFree(*kron));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaKronSetTerms(
  SnaKron A, PetscInt nk, const double *const M[], const double *const W[], PetscInt ldw, double shift)
{
  PetscFunctionBeginUser;
  PetscCheck(nk >= 1 && ldw >= A->m, A->comm, PETSC_ERR_ARG_OUTOFRANGE, "%" PetscInt_FMT " terms, ldw = %" PetscInt_FMT,
    nk, ldw);
  if (nk != A->nk) {
    PetscCall(PetscFree2(A->M, A->W));
    PetscCall(PetscMalloc2(nk, &A->M, nk, &A->W));
  }
  for (PetscInt k = 0; k < nk; k++) {
    A->M[k] = M[k];
    A->W[k] = W[k];
  }
  A->nk              = nk;
  A->ldw             = ldw;
  A->shift           = shift;
  A->assembled_valid = PETSC_FALSE;
  PetscCall(
    MatAssemblyBegin(A->shell, MAT_FINAL_ASSEMBLY)); // marks a change, so that the KSP sets up its preconditioner
  PetscCall(MatAssemblyEnd(A->shell, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

// The matrices that the KSP works with: assembled where the preconditioner cannot do without entries.
static PetscErrorCode SetOperators(SnaKron A)
{
  PetscBool matrix_free;
  PC        pc;

  PetscFunctionBeginUser;
  PetscCall(KSPGetPC(A->ksp, &pc));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, &matrix_free, PCSHELL, PCNONE, PCJACOBI, ""));
  if (A->use_assembled || !matrix_free) PetscCall(Assemble(A));
  PetscCall(KSPSetOperators(
    A->ksp, A->use_assembled ? A->assembled : A->shell, A->use_assembled || !matrix_free ? A->assembled : A->shell));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaKronSolve(SnaKron A, const double b[], double x[], PetscBool *failed)
{
  KSPConvergedReason reason;
  double            *copy;

  PetscFunctionBeginUser;
  PetscCheck(A->nk > 0, A->comm, PETSC_ERR_ORDER, "SnaKronSetTerms comes first");
  PetscCall(SetOperators(A));
  PetscCall(VecGetArrayWrite(A->b, &copy)); // x may be b, and KSP clears x first
  PetscCall(PetscArraycpy(copy, b, (A->last - A->first) * A->m));
  PetscCall(VecRestoreArrayWrite(A->b, &copy));
  PetscCall(VecPlaceArray(A->x, x));
  PetscCall(KSPSolve(A->ksp, A->b, A->x));
  PetscCall(VecResetArray(A->x));
  PetscCall(KSPGetConvergedReason(A->ksp, &reason));
  *failed = (PetscBool)(reason < 0);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaKronGetKSP(SnaKron A, KSP *ksp)
{
  PetscFunctionBeginUser;
  *ksp = A->ksp;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaKronGetMat(SnaKron A, Mat *mat)
{
  PetscFunctionBeginUser;
  if (A->use_assembled) PetscCall(Assemble(A));
  *mat = A->use_assembled ? A->assembled : A->shell;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaKronGetCost(SnaKron A, double *flops, double *bytes)
{
  const PetscInt tail = A->n - A->head - A->middle;
  const double   size = (double)A->middle * (double)A->m;
  double         here;

  PetscFunctionBeginUser;
  *flops = SnaBandFlops(A->head + A->middle, A->head, A->p, A->m) + SnaBandFlops(tail + A->middle, tail, A->p, A->m) +
           size * size * size / 3;
  *bytes = 0;
  PetscCall(PlaceBands(A));
  if (A->front) {
    PetscCall(SnaBandGetBytes(A->front, &here));
    *bytes += here;
  }
  if (A->back) {
    PetscCall(SnaBandGetBytes(A->back, &here));
    *bytes += here;
  }
  PetscFunctionReturn(0);
}
