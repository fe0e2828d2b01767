// homogenize.h - private to src/models/homogenize: the model that a deck with `model: homogenize` makes.
//
//   homogenize_deck.c     the keys and what they mean: image, phases, loads, fields
//   homogenize_image.c    from the keys to the image: read or made, judged, its symmetry; memory
//   homogenize.c          life cycle, view, the solve of one image (and of its refinement), progress
//   homogenize_results.c  result lines, moduli, the state in files
//   homogenize_fields.c   fields for files and pictures, octants unfolded
//   homogenize_batch.c    many images dealt to groups of ranks, one table
//   homogenize_beam.c     a batch of generated cells that make a beam
#ifndef SNA_HOMOGENIZE_H
#define SNA_HOMOGENIZE_H

#include "../model_impl.h"
#include <sna/homog.h>

#define HOMOGENIZE_MAX_FIELDS  4 // of one physics
#define HOMOGENIZE_MAX_COLUMNS 64

typedef struct {                           // fields of one solution, of the whole cell
  PetscInt  load;                          // unit load, -1: the macroscopic state of the deck
  PetscBool wanted[HOMOGENIZE_MAX_FIELDS]; // of HomogenizeField[]
  PetscBool any, taken;
  float    *data[HOMOGENIZE_MAX_FIELDS]; // planes z0 .. z0+nz-1 of the whole cell
} HomogenizeFields;

typedef struct {                  // a row of generated cells; cells is 0 where the deck has none
  PetscInt     cells, candidates; // candidates per cell
  SnaGenerator generator;
  double       fraction[2], edge; // at the root and at the tip; of a cell
  SnaExpr      target;            // of x and phi; NULL: factor phi^p
  double       factor, *wanted;   // wanted C11 of each cell
  PetscInt    *chosen;            // candidate of each cell
  double      *table;             // one row per cell, once known
  PetscBool    one_grid, known;
  MPI_Comm     comm; // ranks with planes of the row; MPI_COMM_NULL on the others
  PetscMPIInt  workers;
  double       memory; // of the row, bytes per rank
} HomogenizeBeam;

typedef struct {
  // Deck
  PetscBool      from_file;
  SnaVoxelsShape shape;
  SnaVoxelsFile  file;
  char           path[PETSC_MAX_PATH_LEN];
  PetscInt       nedge, nlength; // 0, 1 or 3 numbers given
  double         edge[3], length[3];
  SnaHomogSpec   spec;
  SnaHomogTask   task;
  PetscInt       refine;       // 1 or 2
  double         memory_limit; // bytes per machine; 0: what it has
  PetscBool      macroscopic, strain_given[6];
  double         strain[6], stress[6]; // as given; complete once state_known
  PetscBool      state_known;

  // Image; `voxels` is NULL on ranks without work
  PetscInt   n[3];
  double     h[3];
  MPI_Comm   group; // MPI_COMM_NULL on ranks without work
  SnaVoxels  voxels;
  PetscBool  mirrors[3], octant, cubic; // octant: may stand for the cell
  PetscInt64 count[256];
  double     memory, available; // bytes per rank of the fullest machine
  PetscBool  use_octant;

  // Solve
  SnaHomogResult   result[2]; // of the image, of its refinement
  PetscInt         stage;     // which of them; 2: fields
  double           work, stage_work, total_work, last_report;
  PetscInt         step;
  SnaCell          cell;  // while the monitor of a load's end runs, its fields are those of the load
  SnaVoxels        image; // that it works on
  SnaPhysics       physics;
  char             caption[128];
  HomogenizeFields fields[SNA_NPHYSICS];
  SnaModelGrid     grid[SNA_NPHYSICS];
  char             dataset[SNA_NPHYSICS][HOMOGENIZE_MAX_FIELDS][64];
  PetscInt         ngrid;
  PetscBool        finished;

  // Batch: row r of the table belongs to image index[r] of the data set, or to file match[index[r]]
  PetscBool   batch;
  PetscInt    nword;
  const char *word[64]; // batch_cells
  PetscInt    nfile, ncell, *index;
  char      **match; // files that the pattern matches, in order; NULL: one data set
  PetscInt    ranks_per_cell, ngroup, my_group, ncolumn;
  char        column[HOMOGENIZE_MAX_COLUMNS][40];
  double     *row; // ncell x ncolumn
  PetscBool  *row_done, *row_mine;
  char        table_path[PETSC_MAX_PATH_LEN];
  double      batch_work; // share of the run's work that solving the rows is

  // Beam: row r of the batch is candidate r % candidates of cell r / candidates; `voxels` is the image of the row
  HomogenizeBeam beam;
} Homogenize;

extern const char *const  HomogenizePhysicsName[SNA_NPHYSICS];
extern const char *const  HomogenizeIndex[6];                                   // "11", "22", "33", "23", "13", "12"
extern const SnaCellField HomogenizeField[SNA_NPHYSICS][HOMOGENIZE_MAX_FIELDS]; // ncomp 0: none

int            HomogenizeGetTables(int max, const char *title[], const SnaOption *table[]);
PetscErrorCode HomogenizeReadDeck(SnaModel model, SnaDeck deck);

// The file as named by the deck, from the working directory, else beside the deck; where it is in neither, as named. Collective.
PetscErrorCode HomogenizeFindFile(
  MPI_Comm comm, SnaDeck deck, const char file[], char path[PETSC_MAX_PATH_LEN], PetscBool *found);
// Everything about the image that can be wrong is an error of the deck.
PetscErrorCode HomogenizeSetUpImage(SnaModel model, SnaDeck deck);
// Edges of a voxel from the deck, for a cell of n voxels.
void HomogenizeSetEdges(const Homogenize *v, const PetscInt n[3], double h[3]);
// Memory that is available to each rank of comm, in bytes: MemAvailable of its machine, shared by the ranks there. The smallest of all.
PetscErrorCode HomogenizeAvailable(MPI_Comm comm, double limit, double *bytes);
// The phases of the image are those of the deck? message names the first that is not.
void HomogenizeCheckPhases(const Homogenize *v, const PetscInt64 count[256], char message[SNA_MAX_MESSAGE]);

// Ranks without work sleep until the others are there.
PetscErrorCode HomogenizeWait(MPI_Comm comm);
// Rank 0 of `group` tells all ranks of the group whether `seconds` have passed since *last, which it then renews. Collective on group.
PetscErrorCode HomogenizeDue(MPI_Comm group, double seconds, double *last, PetscBool *due);
PetscErrorCode HomogenizeAddResults(SnaModel model, SnaResults results);
// The terms that results and tables hold, n of them: their names, and where result is not NULL their values, NaN where the column was not asked for.
PetscErrorCode HomogenizeTerms(
  const Homogenize *v, const SnaHomogResult *result, PetscInt *n, char name[][40], double value[]);
// The strains and stresses that the deck leaves open, from the stiffness; state_known is false where the cell does not resist them.
PetscErrorCode HomogenizeFindState(Homogenize *v);
PetscErrorCode HomogenizeWriteState(SnaModel model, SnaFile file);
PetscErrorCode HomogenizeReadState(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE]);

// At the end of a load: the fields that the deck asks for, when this is their load.
PetscErrorCode HomogenizeTakeFields(Homogenize *v, SnaCell cell, SnaVoxels image, SnaPhysics physics);
// Those that no load of the task has given: one more solve each. Collective on v->group.
PetscErrorCode HomogenizeSolveFields(SnaModel model, SnaHomogMonitor monitor, PetscBool *stopped, PetscBool *converged);
PetscErrorCode HomogenizeWriteFields(SnaModel model, SnaFile file);
PetscErrorCode HomogenizePicture(SnaModel model, PetscInt max, SnaModelPicture *picture);
// Bytes per rank of the fields that are kept for the file.
double HomogenizeFieldMemory(const Homogenize *v, PetscMPIInt size);

// Phases and loads, for the view of one cell and of a batch.
PetscErrorCode HomogenizeViewTask(SnaModel model);

PetscErrorCode HomogenizeBatchReadDeck(SnaModel model, SnaDeck deck);
PetscErrorCode HomogenizeBatchSetUp(SnaModel model, SnaDeck deck);
PetscErrorCode HomogenizeBatchView(SnaModel model);
PetscErrorCode HomogenizeBatchSolve(SnaModel model, SnaResults results, SnaSolveStatus *status);
PetscErrorCode HomogenizeBatchWrite(SnaModel model, SnaFile file);
PetscErrorCode HomogenizeBatchReadState(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE]);
PetscErrorCode HomogenizeBatchDestroy(Homogenize *v);

extern const SnaOption HomogenizeBeamOptions[];
// After the keys of cell, phases and loads.
PetscErrorCode HomogenizeBeamReadDeck(SnaDeck deck, Homogenize *v);
// The rows of the batch, their size; memory of the row of cells.
PetscErrorCode HomogenizeBeamSetUp(SnaModel model, SnaDeck deck);
PetscErrorCode HomogenizeBeamView(SnaModel model);
// The image of row r on v->group; message: why there is none. Collective on v->group.
PetscErrorCode HomogenizeBeamCell(const Homogenize *v, PetscInt r, SnaVoxels *voxels, char message[SNA_MAX_MESSAGE]);
// Once every rank has all rows. Collective on model->comm, like the next.
PetscErrorCode HomogenizeBeamSolve(SnaModel model, SnaResults results, SnaSolveStatus *status);
PetscErrorCode HomogenizeBeamWrite(SnaModel model, SnaFile file);
PetscErrorCode HomogenizeBeamDestroy(Homogenize *v);

#endif
