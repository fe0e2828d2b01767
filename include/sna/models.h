// sna/models.h - what the deck's `model:` names: one interface, one folder of src/models each.
//
// Layer: above base, io, sna, solve. A model knows nothing of ParaView or XDMF: it offers `sample` and `write`, and calls a monitor
// after every iteration; output and pictures are monitors attached by src/app.
//
// Life cycle:  Create -> SetFromOptions -> SetUp -> (Read) -> Solve -> Write/Sample -> Destroy
#ifndef SNA_MODELS_H
#define SNA_MODELS_H

#include <sna/sna.h>

// ---------------------------------------------------------------------------------------------------------------------
// SnaCoordinates: the physical coordinates x, in which slices, samples and the reference are given, and the map to the model's directions y
// (deck: `coordinates:`). A direction with a map is an expression of the physical coordinates, one without is a physical coordinate itself:
//
//   physical x    x   y  |  z   t   omega  kappa       `space`, then the directions without a map in the deck's order
//                  \ /    |  |   |     |     |
//   model    y    p   q  |  z   t   omega  kappa       p = x cos(omega t) + y sin(omega t), q = y cos(omega t) - x sin(omega t)
//
// Without the key the physical coordinates are the directions. Derivatives follow by the chain rule, exactly (jets):
//   du/dx_j = sum_d du/dy_d dy_d/dx_j
// Nothing here is collective but SnaCoordinatesView().
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaCoordinates_ *SnaCoordinates;

typedef struct {
  PetscInt    n;
  PetscBool   mapped; // FALSE: the directions themselves
  const char *name[SNA_MAX_DIM];
  double      lo[SNA_MAX_DIM], hi[SNA_MAX_DIM]; // the physical box
  PetscInt    direction[SNA_MAX_DIM];           // which direction coordinate j is, -1 for one of `space`
} SnaCoordinatesInfo;

// Reads coordinates_*; user errors go to the deck. The directions' names are borrowed.
PetscErrorCode SnaCoordinatesCreate(SnaDeck deck, PetscInt nd, const char *const name[], const double lo[],
  const double hi[], SnaCoordinates *coordinates);
PetscErrorCode SnaCoordinatesDestroy(SnaCoordinates *coordinates);
PetscErrorCode SnaCoordinatesGetInfo(SnaCoordinates coordinates, const SnaCoordinatesInfo **info); // borrowed
// One line about them from rank 0, where there are maps. Collective.
PetscErrorCode SnaCoordinatesView(SnaCoordinates coordinates, MPI_Comm comm);
// An expression of the physical coordinates and the deck's constants. On a user error *e is NULL and `message` says what.
PetscErrorCode SnaCoordinatesParse(
  SnaCoordinates coordinates, SnaDeck deck, const char text[], SnaExpr *e, char message[SNA_MAX_MESSAGE]);
// y[d][i] of the points x[j][i]; inside[i] (NULL: not asked) tells whether y lies in the model's domain.
PetscErrorCode SnaCoordinatesMap(
  SnaCoordinates coordinates, PetscInt n, const double *const x[], double *const y[], PetscBool inside[]);
// dx[j][i] = sum_d dy[d][i] dy_d/dx_j at the points x. The arrays do not overlap.
PetscErrorCode SnaCoordinatesPullBack(
  SnaCoordinates coordinates, PetscInt n, const double *const x[], const double *const dy[], double *const dx[]);

typedef struct SnaModel_ *SnaModel;

typedef enum { SNA_SOLVE_CONVERGED, SNA_SOLVE_NOTCONVERGED, SNA_SOLVE_STOPPED } SnaSolveStatus;

// Called after every iteration, collectively on the model's communicator of that iteration's work (see `group`). The monitor sets *stop to end the solve.
typedef struct {
  MPI_Comm    group;   // ranks that work on this iterate
  PetscInt    replica; // which independent run this is, of `replicas`
  PetscInt    replicas;
  PetscInt    step; // iteration number, increasing
  double      work; // share of the whole work done, in [0,1]
  const char *line; // progress text, "rank 32  res 3.214e-06"
  const char *what; // first word of the progress line
  PetscInt    done, total;
  PetscBool   final;   // last iterate of this replica
  PetscBool   picture; // models with pictures of their own: there is a new one
} SnaIteration;
typedef PetscErrorCode (*SnaMonitor)(void *ctx, SnaModel model, const SnaIteration *it, PetscBool *stop);

// A model without directions (info.nd = 0, no `sample`) has no physical coordinates, slices, samples or inversion. What it computes on a regular grid of voxels it writes itself; these
// tell the program what to make of it.
#define SNA_MAX_GRID_FIELDS 16
typedef struct
{ // in the result file, x fastest: data sets of shape [n2][n1][n0] or [n2][n1][n0][ncomp]; the program writes <case>_<name>.xmf
  const char *name;
  PetscInt    n[3];         // voxels; values belong to their centres
  double      lo[3], hi[3]; // outer faces of the grid
  int         nfield;
  const char *field[SNA_MAX_GRID_FIELDS], *dataset[SNA_MAX_GRID_FIELDS];
  PetscInt    ncomp[SNA_MAX_GRID_FIELDS]; // 1, 3 or 6 (symmetric tensor, Voigt order)
} SnaModelGrid;
// For the view while the solver runs: scalars at voxel centres, thinned out; data on rank 0 of the group, the rest on all its ranks. The first field is the
// one to colour; one called `solid` (1 in the solid, 0 outside) gives the surface.
typedef struct {
  const char *name, *caption;
  PetscInt    n[3];
  double      lo[3], hi[3]; // of the first and last point
  int         nfield;
  const char *field[SNA_MAX_GRID_FIELDS];
  double     *data[SNA_MAX_GRID_FIELDS]; // x fastest; PetscFree each
} SnaModelPicture;

typedef struct
{ // implemented by each model; a NULL entry is a programmer error when called, but for finish, update, grids and picture
  PetscErrorCode (*setfromoptions)(SnaModel, SnaDeck);
  PetscErrorCode (*setup)(SnaModel, SnaDeck);
  PetscErrorCode (*view)(SnaModel); // rank 0: sizes, memory, what was decided
  PetscErrorCode (*solve)(SnaModel, SnaResults, SnaSolveStatus *);
  PetscErrorCode (*finish)(SnaModel, SnaResults); // after solve: error against the reference, derived figures
  PetscErrorCode (*update)(SnaModel);
  // Unknown k at points of the directions; outside the domain whatever extrapolation the model has. grad NULL: values only.
  PetscErrorCode (*sample)(SnaModel, PetscInt k, PetscInt n, const double *const x[], double u[], double *const grad[]);
  // For models whose directions are the physical coordinates and that know the truth behind their data: unknown k exactly. NULL: the deck's reference
  PetscErrorCode (*reference)(SnaModel, PetscInt k, PetscInt n, const double *const x[], double u[]);
  // How far points are from those the model was learned from: 0 at their centre, about 1 at their edge (see SnaModelDistance). NULL: not known
  PetscErrorCode (*distance)(SnaModel, PetscInt n, const double *const x[], double distance[]);
  // Points drawn from the distribution of the data: start `first + i` of `seed`, in the box of the directions. NULL: not known
  PetscErrorCode (*draw)(SnaModel, uint64_t seed, PetscInt first, PetscInt n, double *const x[]);
  // What stands behind points (a signal behind its principal components): width numbers each. NULL: nothing
  PetscErrorCode (*expand)(SnaModel, PetscInt n, const double *const x[], PetscInt width, double out[]);
  PetscErrorCode (*write)(SnaModel, SnaFile);
  PetscErrorCode (*read)(
    SnaModel, SnaFile, PetscBool *ok, char message[SNA_MAX_MESSAGE]);        // restart state or finished solution
  PetscErrorCode (*grids)(SnaModel, PetscInt *n, const SnaModelGrid **grid); // after write; borrowed. NULL: none
  // Inside a monitor call with `picture`: at most `max` points per axis. Collective on the group. NULL: none
  PetscErrorCode (*picture)(SnaModel, PetscInt max, SnaModelPicture *picture);
  PetscErrorCode (*destroy)(SnaModel);
} SnaModelOps;

#define SNA_MAX_UNKNOWNS 16
#define SNA_MAX_FIELDS   (3 * SNA_MAX_UNKNOWNS)

typedef struct {
  PetscInt    nd; // directions, in the deck's order; 0: a model without
  const char *name[SNA_MAX_DIM];
  double      lo[SNA_MAX_DIM], hi[SNA_MAX_DIM];
  PetscInt    nunknown; // functions that the model stands for: the PDE's unknown, or the outputs of a regression
  PetscInt
              nfield; // fields of SamplePhysical: 0..nunknown-1 the unknowns; with a reference then those of the unknowns, then the errors
  const char *field[SNA_MAX_FIELDS];
  PetscInt    expansion; // width of SnaModelExpand, 0: none
  MPI_Comm    group;     // ranks that work on this rank's replica, MPI_COMM_NULL on a rank without work in `solve`
  PetscInt    replica;   // the first replica of this rank's group (0 on the group that holds rank 0)
} SnaModelInfo;

// Registered names, "a|b|c", for the option table.
const char *SnaModelNames(void);
// The option tables of all models with their titles; returns how many. Needs no PETSc.
int            SnaModelGetTables(int max, const char *title[], const SnaOption *table[]);
PetscErrorCode SnaModelCreate(MPI_Comm comm, const char type[], SnaModel *model);
PetscErrorCode SnaModelSetMonitor(SnaModel model, SnaMonitor monitor, void *ctx);
PetscErrorCode SnaModelSetFromOptions(SnaModel model, SnaDeck deck);
PetscErrorCode SnaModelSetUp(SnaModel model, SnaDeck deck);
PetscErrorCode SnaModelView(SnaModel model);
PetscErrorCode SnaModelGetInfo(SnaModel model, const SnaModelInfo **info); // after SetUp; borrowed
PetscErrorCode SnaModelSolve(SnaModel model, SnaResults results, SnaSolveStatus *status);
PetscErrorCode SnaModelFinish(SnaModel model, SnaResults results);
// Makes Sample and Write see the current iterate. Collective on the iteration's group; needed only inside a monitor.
PetscErrorCode SnaModelUpdate(SnaModel model);
// A field and its derivatives at points x[d][i] of the model's directions. Not collective: any rank, any points. grad may be NULL and is for unknowns.
// References and errors are known here only where the physical coordinates are the directions.
PetscErrorCode SnaModelSample(
  SnaModel model, PetscInt field, PetscInt n, const double *const x[], double out[], double *const grad[]);
PetscErrorCode SnaModelGetCoordinates(
  SnaModel model, const SnaCoordinatesInfo **info); // after SetFromOptions; borrowed; NULL: a model without directions
// The same at points x[j][i] of the physical coordinates, grad[j][i] the derivative with respect to coordinate j, for any field; NaN where a point lies
// outside the model's domain. inside[i] (NULL: not asked) tells where. Not collective.
PetscErrorCode SnaModelSamplePhysical(SnaModel model, PetscInt field, PetscInt n, const double *const x[], double out[],
  double *const grad[], PetscBool inside[]);
// Which optional knowledge a model has: of the truth behind its unknowns, of where its data lie, of what its inputs stand for.
PetscErrorCode SnaModelGetKnowledge(SnaModel model, PetscBool *reference, PetscBool *data, PetscBool *expansion);
// distance[i] of points in physical coordinates: Mahalanobis distance to the mean of the data, over that which holds 95 % of them. Not collective.
PetscErrorCode SnaModelDistance(SnaModel model, PetscInt n, const double *const x[], double distance[]);
PetscErrorCode SnaModelDraw(SnaModel model, uint64_t seed, PetscInt first, PetscInt n, double *const x[]);
PetscErrorCode SnaModelExpand(SnaModel model, PetscInt n, const double *const x[], PetscInt width, double out[]);
PetscErrorCode SnaModelWrite(SnaModel model, SnaFile file);
PetscErrorCode SnaModelRead(SnaModel model, SnaFile file, PetscBool *ok, char message[SNA_MAX_MESSAGE]);
// The voxel grids that the last Write wrote; *n = 0 from models that have none. Borrowed.
PetscErrorCode SnaModelGetGrids(SnaModel model, PetscInt *n, const SnaModelGrid **grid);
// Whether the model has pictures of its own, and the present one (inside a monitor call with `picture`): PetscFree its data. Collective on the group.
PetscErrorCode SnaModelHasPicture(SnaModel model, PetscBool *has);
PetscErrorCode SnaModelGetPicture(SnaModel model, PetscInt max, SnaModelPicture *picture);
PetscErrorCode SnaModelDestroy(SnaModel *model);

#endif
