// words.c - the distinct words of a column: a hash table on each rank (FNV-1a, open addressing), then one sorted list on all ranks.
//
// Sorted by bytes (strcmp), so that the number of a word does not depend on the ranks or the order of the rows.
#include "columns_impl.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static uint64_t Hash(const char from[], size_t length)
{
  uint64_t h = 14695981039346656037u;

  for (size_t i = 0; i < length; i++) h = (h ^ (unsigned char)from[i]) * 1099511628211u;
  return h ^ (h >> 32);
}

static PetscErrorCode GrowSlots(SnaWords *words)
{
  PetscFunctionBeginUser;
  PetscCheck(words->nslot < PETSC_MAX_INT / 2, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "More words than PetscInt");
  words->nslot = words->nslot ? 2 * words->nslot : 64;
  PetscCall(PetscFree(words->slot));
  PetscCall(PetscMalloc1(words->nslot, &words->slot));
  for (PetscInt s = 0; s < words->nslot; s++) words->slot[s] = -1;
  for (PetscInt i = 0; i < words->n; i++) {
    const char *word = words->pool + words->at[i];
    size_t      s    = Hash(word, strlen(word)) & (size_t)(words->nslot - 1);

    while (words->slot[s] >= 0) s = (s + 1) & (size_t)(words->nslot - 1);
    words->slot[s] = i;
  }
  PetscFunctionReturn(0);
}

PetscErrorCode SnaWordsAdd(SnaWords *words, const char from[], size_t length, PetscInt *index)
{
  size_t s;

  PetscFunctionBeginUser;
  if (2 * words->n >= words->nslot) PetscCall(GrowSlots(words));
  s = Hash(from, length) & (size_t)(words->nslot - 1);
  for (; words->slot[s] >= 0; s = (s + 1) & (size_t)(words->nslot - 1)) {
    const char *word = words->pool + words->at[words->slot[s]];

    if (!strncmp(word, from, length) && !word[length]) {
      *index = words->slot[s];
      PetscFunctionReturn(0);
    }
  }
  if (words->used + length + 1 > words->room) {
    words->room = 2 * (words->used + length + 1) + 256;
    PetscCall(PetscRealloc(words->room, &words->pool));
  }
  if ((size_t)words->n == words->capacity) {
    words->capacity = 2 * words->capacity + 16;
    PetscCall(PetscRealloc(words->capacity * sizeof(*words->at), &words->at));
  }
  memcpy(words->pool + words->used, from, length);
  words->pool[words->used + length] = 0;
  words->at[words->n]               = words->used;
  words->used += length + 1;
  words->slot[s] = *index = words->n++;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaWordsDestroy(SnaWords *words)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(words->pool));
  PetscCall(PetscFree(words->at));
  PetscCall(PetscFree(words->slot));
  *words = (SnaWords){0};
  PetscFunctionReturn(0);
}

static int CompareWords(const void *a, const void *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

// The words of all ranks, one after the other. *bytes: their length; all of them NULL where MPI cannot count it.
static PetscErrorCode Gather(MPI_Comm comm, const SnaWords *words, int64_t *bytes, char **all)
{
  const int64_t mine = (int64_t)words->used;
  PetscMPIInt   size;
  int          *counts, own;

  PetscFunctionBeginUser;
  *all = NULL;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCallMPI(MPI_Allreduce(&mine, bytes, 1, MPI_INT64_T, MPI_SUM, comm));
  if (*bytes > INT_MAX) PetscFunctionReturn(0);
  own = (int)mine;
  PetscCall(PetscMalloc1(2 * (size_t)size, &counts));
  PetscCallMPI(MPI_Allgather(&own, 1, MPI_INT, counts, 1, MPI_INT, comm));
  counts[size] = 0;
  for (PetscMPIInt r = 1; r < size; r++) counts[size + r] = counts[size + r - 1] + counts[r - 1];
  PetscCall(PetscMalloc1((size_t)*bytes + 1, all));
  PetscCallMPI(MPI_Allgatherv(words->pool, own, MPI_CHAR, *all, counts, counts + size, MPI_CHAR, comm));
  PetscCall(PetscFree(counts));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaWordsMerge(
  MPI_Comm comm, const SnaWords *words, PetscInt *n, char ***sorted, PetscInt **place, PetscBool *ok)
{
  char   *all, **word, *pool;
  int64_t bytes;
  size_t  count = 0, used = 0;

  PetscFunctionBeginUser;
  *n      = 0;
  *sorted = NULL;
  *place  = NULL;
  PetscCall(Gather(comm, words, &bytes, &all));
  *ok = all ? PETSC_TRUE : PETSC_FALSE;
  if (!all) PetscFunctionReturn(0);
  for (int64_t i = 0; i < bytes; i++) count += !all[i];
  PetscCall(PetscMalloc1(PetscMax(1, count), &word));
  count = 0;
  for (char *at = all; at < all + bytes; at += strlen(at) + 1) word[count++] = at;
  qsort(word, count, sizeof(*word), CompareWords);
  PetscCall(PetscMalloc1(PetscMax(1, bytes), &pool));
  for (size_t i = 0; i < count; i++) {
    const size_t length = strlen(word[i]) + 1;

    if (*n && !strcmp(word[i], word[*n - 1])) continue;
    memcpy(pool + used, word[i], length);
    word[(*n)++] = pool + used; // never ahead of i
    used += length;
  }
  PetscCall(PetscFree(all));
  if (!*n) PetscCall(PetscFree(pool));
  *sorted = word;
  PetscCall(PetscMalloc1(PetscMax(1, words->n), place));
  for (PetscInt i = 0; i < words->n; i++) {
    const char *key   = words->pool + words->at[i];
    char      **found = (char **)bsearch(&key, word, (size_t)*n, sizeof(*word), CompareWords);

    PetscCheck(found, PETSC_COMM_SELF, PETSC_ERR_PLIB, "A word was lost");
    (*place)[i] = (PetscInt)(found - word);
  }
  PetscFunctionReturn(0);
}
