// als_impl.h - private to the alternating least squares of tensor trains.
//
//   als.c      life cycle, the schedule of stages, stopping, error estimate
//   sweep.c    half sweeps: growth on every edge of the train, polish site by site
//   local.c    one local problem: A x, its solution by KSP; environments, tables of a leaf
//   leaf.c     the leaf of a site by the block-band Cholesky
//   tables.c   1-D tables of a site in the basis of its modes
#ifndef SNA_TT_ALS_IMPL_H
#define SNA_TT_ALS_IMPL_H

#include <sna/tt.h>

typedef struct { // memory that only grows
  double *p;
  size_t  n;
} SnaTtBuffer;
PetscErrorCode SnaTtBufferNeed(SnaTtBuffer *b, size_t n);

// 1-D tables of one site, projected on m orthonormal functions u_i of its direction:
//   M[t*m*m + i + m*j] = (O_a u_i, O_b u_j), t = pair (a,b);      f[t*m + i] = (O_a u_i, q), t = a*nrhs + q      (matrix, vector t of the functional)
typedef struct {
  PetscInt   m, ntable, nvector;
  double    *M, *f;
  PetscBool *identity; // table t is the identity matrix
} SnaTtTables;
// leaf: n x m row-major. Only tables that the machine of A reads at site k are formed. Reuses the memory of *t.
PetscErrorCode SnaTtTablesProject(
  SnaLsq lsq, SnaTtOperator op, PetscInt k, PetscInt m, const double leaf[], SnaTtTables *t);
PetscErrorCode SnaTtTablesDestroy(SnaTtTables *t);

// One local problem: the unknown x[a + r*(b + q*(j1 + m1*j2))] (two sites; one site: m2 = 1),
//
//   A = sum over paths s -> u (-> w) of  E[s] (x) F[w] (x) M1_t (x) M2_t',     b likewise from vectors
//
// E: ns[0] matrices r x r (column-major, test index first) of the cut on the left, F: those of the cut on the right.
typedef struct {
  PetscInt           nsite, k; // sites k .. k+nsite-1
  PetscInt           r, q, m[2];
  const double      *E, *F, *hE, *hF;
  const SnaTtTables *tables[2];
} SnaTtLocal;

typedef struct SnaTtLocalSolver_ *SnaTtLocalSolver;
// comm: 1 or 2 ranks.
PetscErrorCode SnaTtLocalSolverCreate(MPI_Comm comm, const char prefix[], SnaTtLocalSolver *s);
PetscErrorCode SnaTtLocalSolverDestroy(SnaTtLocalSolver *s);
// Improves x (in: the start, out: after the iterations). *failed: the Krylov method broke down. *objective (may be NULL): x^T A x + 2 b^T x afterwards. Collective.
PetscErrorCode SnaTtLocalSolve(SnaTtLocalSolver s, SnaTtOperator op, const SnaTtLocal *l, PetscInt max_it, double rtol,
  double x[], double *objective, PetscBool *failed, PetscInt *iterations);
// y = A x without the change of basis; for tests and the objective. Collective.
PetscErrorCode SnaTtLocalApply(SnaTtLocalSolver s, SnaTtOperator op, const SnaTtLocal *l, const double x[], double y[]);
PetscErrorCode SnaTtLocalRhs(SnaTtLocalSolver s, SnaTtOperator op, const SnaTtLocal *l, double b[]);
// Environment of the next cut for an orthonormal core x (r x q x m): left to right gives ns[1] matrices q x q and vectors of q. right = PETSC_FALSE: of the previous cut,
// ns[0] matrices r x r, from l->F, l->hF. Collective.
PetscErrorCode SnaTtEnvironment(SnaTtLocalSolver s, SnaTtOperator op, const SnaTtLocal *l, const double x[],
  PetscBool right, double out[], double hout[]);
// The leaf's normal equations A = sum_t M^spline_t (x) G_t, b = sum_t f_t (x) g_t for a core with orthonormal mode unfolding: G[t*m*m + i*m + j] (rows: test; all pairs of the direction), g[t*m + i]. Collective.
PetscErrorCode SnaTtLeafTables(SnaTtLocalSolver s, SnaTtOperator op, const SnaTtLocal *l, const double x[],
  PetscInt ntable, double G[], PetscInt nvector, double g[]);
// Floating-point operations of the products with A so far (all ranks).
double SnaTtLocalSolverFlops(SnaTtLocalSolver s);

#endif
