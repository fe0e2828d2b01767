// als_state.h - private struct of SnaTtAls, shared by its stages.
#ifndef SNA_TT_ALS_STATE_H
#define SNA_TT_ALS_STATE_H

#include "als_impl.h"

struct SnaTtAls_ {
  MPI_Comm           comm;
  PetscMPIInt        rank, size;
  PetscInt           nd, cells[SNA_MAX_DIM]; // the deck's
  PetscBool          modal[SNA_MAX_DIM];     // not splines
  SnaTtLevelFunction make_level;
  void              *level_ctx;
  SnaTtAlsOptions    options;
  SnaTtAlsState      state;

  const SnaTtLevel *level; // on which the train lives
  SnaTtSpace        space;
  SnaTtOperator     op;
  SnaTt             tt;                 // orthonormal with centre state.centre
  SnaTtTables       site[SNA_MAX_DIM];  // in the basis of the modes
  SnaTtTables       full[SNA_MAX_DIM];  // in `basis`, all functions of the level (growth)
  double           *basis[SNA_MAX_DIM]; // n x n, mass-orthonormal, row-major
  double           *E[SNA_MAX_DIM + 1],
    *hE[SNA_MAX_DIM + 1]; // environments of cut k: E, hE from the left (valid for k <= centre),
  double   *F[SNA_MAX_DIM + 1], *hF[SNA_MAX_DIM + 1]; // F, hF from the right (valid for k > centre)
  PetscBool ready;                                    // the environments belong to tt

  SnaTtLocalSolver local;
  SnaKronStorage   storage;
  SnaKron          kron[SNA_MAX_DIM];
  PetscInt         kron_m[SNA_MAX_DIM];
};

// The local problem of sites k .. k+nsite-1 with the present environments; full: site k in all functions of its level instead of its modes.
PetscErrorCode SnaTtAlsLocal(SnaTtAls als, PetscInt k, PetscInt nsite, PetscBool full, SnaTtLocal *l);
PetscErrorCode SnaTtSolveLeaf(SnaTtAls als, PetscInt k, PetscBool *failed);

// sweep.c. A half sweep runs from the end where the centre is to the other.
// Tables and environments of the train as it stands; full: those of whole spline spaces as well.
PetscErrorCode SnaTtAlsPrepare(SnaTtAls als, PetscBool full);
PetscErrorCode SnaTtAlsExpandModes(SnaTtAls als);
PetscErrorCode SnaTtAlsRelease(SnaTtAls als); // what Prepare made
// Two-site sweep: modes and ranks follow from the tolerances (absolute) and the cap of each cut.
typedef struct {
  PetscBool modes;              // solve for the modes too; without, they stay what they are
  double    bond_tol, mode_tol; // discarded L2 norm per cut, per mode
  PetscInt  cap[SNA_MAX_DIM + 1];
  PetscInt  iterations;
  double    rtol;
  double    reference[2]; // absolute tolerances at which ranks are recorded
} SnaTtGrowth;
// recorded[k]: ranks of cut k at the reference tolerances; discarded[k]: L2 norm that its truncation left out.
PetscErrorCode SnaTtAlsGrow(SnaTtAls als, const SnaTtGrowth *g, PetscInt recorded[][2], double discarded[]);
PetscErrorCode SnaTtAlsPolish(SnaTtAls als, PetscInt iterations, double rtol);

#endif
