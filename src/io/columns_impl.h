// columns_impl.h - what the readers of SnaTable share: table_columns.c (the calls), csv_columns.c and hdf5_columns.c (the files), words.c.
#ifndef SNA_COLUMNS_IMPL_H
#define SNA_COLUMNS_IMPL_H

#include "io_impl.h"

// ---------------------------------------------------------------------------------------------------------------------
// Distinct words, numbered as they come (words.c); start from {0}
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscInt  n, nslot;
  size_t    used, room, capacity;
  char     *pool; // the words one after the other, each with its NUL
  size_t   *at;   // where word i begins
  PetscInt *slot; // open addressing by hash; -1: free
} SnaWords;

PetscErrorCode SnaWordsAdd(SnaWords *words, const char from[], size_t length, PetscInt *index);
PetscErrorCode SnaWordsDestroy(SnaWords *words);
// The sorted distinct words of all ranks, the same on each: sorted[k], in one block that begins at sorted[0]; place[i] is where word i of this rank
// stands among them. FALSE: together longer than MPI can count, nothing is given. Collective.
PetscErrorCode SnaWordsMerge(
  MPI_Comm comm, const SnaWords *words, PetscInt *n, char ***sorted, PetscInt **place, PetscBool *ok);

// ---------------------------------------------------------------------------------------------------------------------
// Missing entries
// ---------------------------------------------------------------------------------------------------------------------
#define SNA_MISSING_SHOWN 5
typedef struct { // of one rank
  int64_t count, line[SNA_MISSING_SHOWN], column[SNA_MISSING_SHOWN];
} SnaMissing;
void SnaMissingAdd(SnaMissing *missing, int64_t line, PetscInt column);
// table->missing and table->where; line numbers are counted from `before`; `what`: "line" or "row". Collective.
PetscErrorCode SnaMissingTell(
  MPI_Comm comm, const SnaMissing *missing, int64_t before, const char what[], SnaTable *table);

// ---------------------------------------------------------------------------------------------------------------------
// Files. `wanted` NULL: all columns
// ---------------------------------------------------------------------------------------------------------------------
// source[t] = column of the file for column t of the table (PetscFree it), table->ncols and copies of the names in table->name; or the message.
PetscErrorCode SnaColumnsChoose(const char path[], PetscInt nnames, char *const names[], PetscInt nwanted,
  const char *const wanted[], SnaTable *table, PetscInt **source, char message[SNA_MAX_MESSAGE]);
// Collective. On a user error what `table` holds is the caller's to destroy. `dataset` NULL: the default one.
PetscErrorCode SnaCsvReadColumns(MPI_Comm comm, const char path[], PetscInt nwanted, const char *const wanted[],
  SnaTable *table, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaHdf5ReadColumns(MPI_Comm comm, const char path[], const char dataset[], PetscInt nwanted,
  const char *const wanted[], SnaTable *table, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaCsvReadNames(
  MPI_Comm comm, const char path[], PetscInt *ncols, char ***names, char message[SNA_MAX_MESSAGE]);
PetscErrorCode SnaHdf5ReadNames(MPI_Comm comm, const char path[], const char dataset[], PetscInt *ncols, char ***names,
  char message[SNA_MAX_MESSAGE]);

#endif
