// microstructure.h - private to src/models/microstructure: a data set of generated cells, with their effective properties if the deck asks for them.
//
//   microstructure.c        life cycle, keys, view
//   microstructure_solve.c  cells dealt to the ranks, generated and labelled, gathered on rank 0
//   microstructure_files.c  the data set, the table, result lines
//
// Cell i is the first accepted candidate of its own random stream (seed, i), so that it does not depend on the number of ranks nor on what was done before.
#ifndef SNA_MICROSTRUCTURE_H
#define SNA_MICROSTRUCTURE_H

#include "../model_impl.h"
#include <sna/homog.h>

// Columns of a cell's row: the 23 properties, what else the solver tells, where the cell comes from. Not computed: NaN.
typedef enum {
  MICRO_C        = 0,              // C11 C22 C33 C12 C13 C23 C44 C55 C66, then the 12 coupling terms
  MICRO_FRACTION = 21,             // of solid
  MICRO_K        = 22,             // mean of k11, k22, k33
  MICRO_PROPERTY = 23,             // how many so far
  MICRO_K_MEAN   = MICRO_PROPERTY, // k11 k22 k33
  MICRO_K_WALL   = MICRO_K_MEAN + 3,
  MICRO_K_NOWALL = MICRO_K_WALL + 3,
  MICRO_SIGMA    = MICRO_K_NOWALL + 3,
  MICRO_ZEROS    = MICRO_SIGMA + 3,
  MICRO_TRIPLES,
  MICRO_ITERATIONS, // of three physics
  MICRO_ERROR     = MICRO_ITERATIONS + SNA_NPHYSICS,
  MICRO_CONVERGED = MICRO_ERROR + SNA_NPHYSICS,
  MICRO_EXTRA,
  MICRO_SEED = MICRO_EXTRA,
  MICRO_CELL,
  MICRO_ATTEMPT,
  MICRO_K0,
  MICRO_W,
  MICRO_TAU,
  MICRO_TARGET,
  MICRO_FILLED,
  MICRO_EULER,
  MICRO_REJECTED, // how many candidates before, by verdict
  MICRO_COLUMNS = MICRO_REJECTED + SNA_NVERDICTS - 1
} MicroColumn;
extern const char *const MicroColumnName[MICRO_COLUMNS];

typedef enum { MICRO_OPEN, MICRO_MADE, MICRO_FAILED } MicroState; // failed: no candidate was accepted

typedef struct {
  // Deck
  SnaGenerator generator;
  PetscInt     cells, attempts;
  PetscBool    labels, full;
  SnaHomogSpec spec;
  SnaHomogTask task;
  double       max_wall_time;
  char         table_path[PETSC_MAX_PATH_LEN]; // <output_dir>/<case>/<case>.csv

  // Data set: the states on all ranks, rows and octants (n^3 bits) of finished cells on rank 0
  uint8_t  *state;
  double   *row; // [cells][MICRO_COLUMNS]
  uint8_t **bits;
  size_t    nbits; // bytes of an octant

  // This run
  PetscInt step, made; // rounds, cells made by it
  double   seconds;
  // Cells finished by this rank since the last round: records of `record` bytes: index, state, row, bits
  uint8_t *fresh;
  size_t   record, nfresh, maxfresh;
} Micro;

// A cell whose SnaHomogenize() was interrupted is not finished: *complete is FALSE and it is made again another time.
PetscErrorCode MicroMakeCell(
  Micro *m, PetscInt cell, MicroState *state, double row[MICRO_COLUMNS], uint8_t octant[], PetscBool *complete);
void MicroPack(const uint8_t octant[], size_t n, uint8_t bits[]);
void MicroUnpack(const uint8_t bits[], size_t n, uint8_t octant[]);

PetscErrorCode SnaModelSolve_Microstructure(SnaModel model, SnaResults results, SnaSolveStatus *status);
PetscErrorCode SnaModelFinish_Microstructure(SnaModel model, SnaResults results);
PetscErrorCode SnaModelWrite_Microstructure(SnaModel model, SnaFile file);
PetscErrorCode SnaModelRead_Microstructure(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE]);
// All ranks; rows are those of rank 0.
PetscErrorCode MicroAddResults(SnaModel model, SnaResults results, SnaSolveStatus *status);

#endif
