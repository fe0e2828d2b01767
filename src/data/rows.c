// rows.c - rows of a data set: pseudo-random permutations, parts, folds, and their way to the ranks.
//
// A row belongs to a part by the image of its number under a keyed bijection (permute.h). Dealing counts: a row's place among the rows of its part, in
// the order of their numbers, is a sum over the ranks before; its image under another bijection is its position, which says the rank and the place there. All rows
// then travel in one MPI_Alltoallv, each as a record of 8-byte words: place, number, inputs, targets.
#include <sna/data.h>
#include <math.h>
#include <string.h>
#include "permute.h"

#define STREAM_PERMUTE ((uint64_t)0x7065726dU << 32)

// A table of nc columns in one block, which column[0] points to even where there is none.
static PetscErrorCode ColumnsCreate(PetscInt nc, PetscInt n, double ***column)
{
  double *block;

  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1((size_t)nc * (size_t)n + 1, &block));
  PetscCall(PetscMalloc1((size_t)nc + 1, column));
  (*column)[0] = block;
  for (PetscInt c = 1; c < nc; c++) (*column)[c] = block + (size_t)c * (size_t)n;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaRowsCreate(PetscInt nx, PetscInt ny, PetscInt n, SnaRows *rows)
{
  PetscFunctionBeginUser;
  *rows = (SnaRows){.nx = nx, .ny = ny, .n = n};
  PetscCall(ColumnsCreate(nx, n, &rows->x));
  PetscCall(ColumnsCreate(ny, n, &rows->y));
  PetscCall(PetscCalloc1((size_t)n + 1, &rows->row));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaRowsDestroy(SnaRows *rows)
{
  PetscFunctionBeginUser;
  if (rows->x) PetscCall(PetscFree(rows->x[0]));
  if (rows->y) PetscCall(PetscFree(rows->y[0]));
  PetscCall(PetscFree(rows->x));
  PetscCall(PetscFree(rows->y));
  PetscCall(PetscFree(rows->row));
  PetscCall(PetscMemzero(rows, sizeof(*rows)));
  PetscFunctionReturn(0);
}

PetscInt64 SnaPermute(uint64_t seed, uint64_t stream, PetscInt64 n, PetscInt64 i)
{
  Permutation p;

  PermutationSet(&p, seed, STREAM_PERMUTE ^ stream, n);
  PermutationApply(&p, 1, &i);
  return i;
}

// *position: the images of the numbers of the rows; to be freed.
static PetscErrorCode FindPositions(
  uint64_t seed, PetscInt64 total, PetscInt n, const PetscInt64 row[], PetscInt64 **position)
{
  Permutation p;

  PetscFunctionBeginUser;
  for (PetscInt i = 0; i < n; i++) {
    PetscCheck(row[i] >= 0 && row[i] < total, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
      "row %" PetscInt64_FMT " of %" PetscInt64_FMT, row[i], total);
  }
  PetscCall(PetscMalloc1((size_t)n, position));
  PetscCall(PetscArraycpy(*position, row, (size_t)n));
  PermutationSet(&p, seed, STREAM_PERMUTE, total);
  PermutationApply(&p, n, *position);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSplitRandom(
  uint64_t seed, PetscInt64 total, double validation, double test, PetscInt n, const PetscInt64 row[], SnaPart part[])
{
  const PetscInt64 ntest       = llround(test * (double)total);
  const PetscInt64 nvalidation = PetscMin(llround(validation * (double)total), total - ntest); // two halves of one row
  const PetscInt64 ntrain      = total - ntest - nvalidation;
  PetscInt64      *position;

  PetscFunctionBeginUser;
  PetscCheck(ntest >= 0 && nvalidation >= 0 && ntrain >= 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "shares %g and %g of the rows", validation, test);
  PetscCall(FindPositions(seed, total, n, row, &position));
  for (PetscInt i = 0; i < n; i++) {
    if (position[i] < ntrain)
      part[i] = SNA_PART_TRAIN;
    else
      part[i] = position[i] < ntrain + nvalidation ? SNA_PART_VALIDATION : SNA_PART_TEST;
  }
  PetscCall(PetscFree(position));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaSplitFold(uint64_t seed, PetscInt64 total, PetscInt folds, PetscInt fold, double validation,
  PetscInt n, const PetscInt64 row[], SnaPart part[])
{
  const PetscInt64 first = total * fold / folds, last = total * (fold + 1) / folds, others = total - (last - first);
  const PetscInt64 ntrain = others - llround(validation * (double)others);
  PetscInt64      *position;

  PetscFunctionBeginUser;
  PetscCheck(fold >= 0 && fold < folds && validation >= 0 && ntrain >= 0, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
    "fold %" PetscInt_FMT " of %" PetscInt_FMT ", a share of %g", fold, folds, validation);
  PetscCall(FindPositions(seed, total, n, row, &position));
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt64 other =
      position[i] < first ? position[i] : position[i] - (last - first); // place among the untested

    if (position[i] >= first && position[i] < last)
      part[i] = SNA_PART_TEST;
    else
      part[i] = other < ntrain ? SNA_PART_TRAIN : SNA_PART_VALIDATION;
  }
  PetscCall(PetscFree(position));
  PetscFunctionReturn(0);
}

// Rows of a part of `total` rows that a rank gets.
static PetscInt64 DealtTo(PetscInt64 total, PetscMPIInt size, PetscMPIInt rank)
{
  const PetscInt64 full = total / SNA_DEAL_BLOCK, rest = total % SNA_DEAL_BLOCK;

  return (full / size + (rank < full % size ? 1 : 0)) * SNA_DEAL_BLOCK + (rank == full % size ? rest : 0);
}

// The rows of all ranks must be in ascending order of their numbers, since places are counted by rank.
static PetscErrorCode CheckAscending(MPI_Comm comm, PetscInt n, const PetscInt64 row[])
{
  PetscInt64  last = n > 0 ? row[n - 1] : -1, before = -1, wrong = 0, any;
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Exscan(&last, &before, 1, MPIU_INT64, MPI_MAX, comm));
  if (rank == 0) before = -1;
  for (PetscInt i = 0; i < n; i++) {
    if (row[i] <= before) wrong = 1;
    before = row[i];
  }
  PetscCallMPI(MPI_Allreduce(&wrong, &any, 1, MPIU_INT64, MPI_MAX, comm));
  PetscCheck(!any, comm, PETSC_ERR_ARG_WRONG, "rows must be in ascending order of their numbers, over all ranks");
  PetscFunctionReturn(0);
}

// Where the rows go: to[i] the rank, place[i] = SNA_NPARTS * (place in the part on that rank) + part; total[] rows of the parts.
static PetscErrorCode FindPlaces(MPI_Comm comm, PetscInt n, const SnaPart part[], uint64_t seed, PetscInt64 total[],
  PetscMPIInt to[], PetscInt64 place[])
{
  PetscInt64  count[SNA_NPARTS] = {0}, before[SNA_NPARTS] = {0}, *position, *next[SNA_NPARTS];
  PetscMPIInt size, rank;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  for (PetscInt i = 0; i < n; i++) count[part[i]]++;
  PetscCallMPI(MPI_Allreduce(count, total, SNA_NPARTS, MPIU_INT64, MPI_SUM, comm));
  PetscCallMPI(MPI_Exscan(count, before, SNA_NPARTS, MPIU_INT64, MPI_SUM, comm));
  PetscCall(PetscMalloc1((size_t)n, &position));
  next[0] = position;
  for (int k = 0; k < SNA_NPARTS; k++) {
    Permutation p;

    if (rank == 0) before[k] = 0; // MPI_Exscan leaves it undefined
    if (k > 0) next[k] = next[k - 1] + count[k - 1];
    for (PetscInt64 j = 0; j < count[k]; j++) next[k][j] = before[k] + j;
    PermutationSet(&p, seed, STREAM_PERMUTE ^ (uint64_t)(k + 1), total[k]);
    PermutationApply(&p, (PetscInt)count[k], next[k]);
  }
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt64 at = *next[part[i]]++, block = at / SNA_DEAL_BLOCK;

    to[i]    = (PetscMPIInt)(block % size);
    place[i] = (block / size * SNA_DEAL_BLOCK + at % SNA_DEAL_BLOCK) * SNA_NPARTS + (PetscInt64)part[i];
  }
  PetscCall(PetscFree(position));
  PetscFunctionReturn(0);
}

// A record: place, number, x, y. Integers keep their bits in the words of doubles.
static void Pack(const SnaRows *rows, PetscInt i, PetscInt64 place, double record[])
{
  memcpy(&record[0], &place, sizeof(place));
  memcpy(&record[1], &rows->row[i], sizeof(rows->row[i]));
  for (PetscInt d = 0; d < rows->nx; d++) record[2 + d] = rows->x[d][i];
  for (PetscInt o = 0; o < rows->ny; o++) record[2 + rows->nx + o] = rows->y[o][i];
}

// Fills a part in the order of its places, so that every column is written once from front to back.
static void Unpack(SnaRows *rows, const PetscInt from[], const double records[])
{
  const size_t width = (size_t)(2 + rows->nx + rows->ny);

  for (PetscInt i = 0; i < rows->n; i++) {
    const double *record = records + (size_t)from[i] * width;

    memcpy(&rows->row[i], &record[1], sizeof(rows->row[i]));
    for (PetscInt d = 0; d < rows->nx; d++) rows->x[d][i] = record[2 + d];
    for (PetscInt o = 0; o < rows->ny; o++) rows->y[o][i] = record[2 + rows->nx + o];
  }
}

// The records of this rank's rows, sorted by rank, to where they belong; *received (nreceived records) is to be freed.
static PetscErrorCode Exchange(MPI_Comm comm, const SnaRows *rows, const PetscMPIInt to[], const PetscInt64 place[],
  PetscInt *nreceived, double **received)
{
  const size_t width = (size_t)(2 + rows->nx + rows->ny);
  PetscMPIInt  size, *nsend, *send_first, *nreceive, *receive_first, bytes;
  PetscInt64   sum = 0;
  double      *sent;
  MPI_Datatype type;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscCalloc4(
    (size_t)size, &nsend, (size_t)size + 1, &send_first, (size_t)size, &nreceive, (size_t)size, &receive_first));
  for (PetscInt i = 0; i < rows->n; i++) nsend[to[i]]++;
  for (PetscMPIInt r = 1; r < size; r++) send_first[r] = send_first[r - 1] + nsend[r - 1];
  PetscCall(PetscMalloc1((size_t)rows->n * width, &sent));
  for (PetscInt i = 0; i < rows->n; i++) Pack(rows, i, place[i], sent + (size_t)send_first[to[i]]++ * width);
  for (PetscMPIInt r = 0; r < size; r++) send_first[r] -= nsend[r];

  PetscCallMPI(MPI_Alltoall(nsend, 1, MPI_INT, nreceive, 1, MPI_INT, comm));
  for (PetscMPIInt r = 0; r < size; r++) {
    receive_first[r] = (PetscMPIInt)sum;
    sum += nreceive[r];
    PetscCheck(
      sum <= PETSC_MPI_INT_MAX, PETSC_COMM_SELF, PETSC_ERR_SUP, "more than 2^31 rows on a rank: take more ranks");
  }
  *nreceived = (PetscInt)sum;
  PetscCall(PetscMalloc1((size_t)sum * width, received));
  PetscCall(PetscMPIIntCast((PetscInt)(width * sizeof(double)), &bytes));
  PetscCallMPI(MPI_Type_contiguous(bytes, MPI_BYTE, &type));
  PetscCallMPI(MPI_Type_commit(&type));
  PetscCallMPI(MPI_Alltoallv(sent, nsend, send_first, type, *received, nreceive, receive_first, type, comm));
  PetscCallMPI(MPI_Type_free(&type));
  PetscCall(PetscFree(sent));
  PetscCall(PetscFree4(nsend, send_first, nreceive, receive_first));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaRowsDeal(
  MPI_Comm comm, const SnaRows *rows, const SnaPart part[], uint64_t seed, SnaRows out[SNA_NPARTS])
{
  const size_t width = (size_t)(2 + rows->nx + rows->ny);
  PetscInt64   total[SNA_NPARTS], *place;
  PetscInt     nreceived = 0, *from[SNA_NPARTS];
  PetscMPIInt  size, rank, *to;
  double      *received = NULL;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(CheckAscending(comm, rows->n, rows->row));
  PetscCall(PetscMalloc2((size_t)rows->n, &to, (size_t)rows->n, &place));
  PetscCall(FindPlaces(comm, rows->n, part, seed, total, to, place));
  PetscCall(Exchange(comm, rows, to, place, &nreceived, &received));
  PetscCall(PetscFree2(to, place));

  for (int k = 0; k < SNA_NPARTS; k++) {
    PetscCall(SnaRowsCreate(rows->nx, rows->ny, (PetscInt)DealtTo(total[k], size, rank), &out[k]));
    out[k].total = total[k];
    PetscCall(PetscMalloc1((size_t)out[k].n + 1, &from[k]));
  }
  for (PetscInt i = 0; i < nreceived; i++) {
    PetscInt64 at;

    memcpy(&at, received + (size_t)i * width, sizeof(at));
    from[at % SNA_NPARTS][at / SNA_NPARTS] = i;
  }
  for (int k = 0; k < SNA_NPARTS; k++) {
    Unpack(&out[k], from[k], received);
    PetscCall(PetscFree(from[k]));
  }
  PetscCall(PetscFree(received));
  PetscFunctionReturn(0);
}
