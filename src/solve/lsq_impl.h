// Private layout of SnaLsq, shared by lsq.c (which builds it) and als.c (which sweeps over it).
#ifndef SNA_LSQ_IMPL_H
#define SNA_LSQ_IMPL_H

#include <sna/solve.h>

typedef struct {    // direction d; operators a, b in [0, nop), right-hand-side functions q in [0, nrhs)
  SnaBasis   basis; // borrowed
  PetscInt   n, p;
  PetscInt   nop, nrhs;
  PetscInt   npair, nupper; // ordered pairs; the first nupper have a <= b, the others are their transposes
  PetscInt  *op;            // nk: operator of term k
  PetscInt  *rhs;           // nm: function of right-hand-side term m
  PetscInt  *pair;          // nop*nop: index of the ordered pair (a,b)
  PetscInt  *pair_a, *pair_b;
  PetscInt  *transpose;  // npair: index of (b,a)
  PetscBool *transposed; // nupper: some terms k < l meet in (b,a) instead of (a,b)
  double   **M;          // npair band matrices, n*(2p+1)
  double    *f;          // nop*nrhs vectors of n: f[(a*nrhs+q)*n + i]
  double    *c;          // nrhs*nrhs: int q q'
} SnaLsqDirection;

struct SnaLsq_ {
  PetscInt        nd, nk, nm;
  double         *s; // nk coefficients of the operator terms
  double         *t; // nm coefficients of the right-hand-side terms
  double          c0;
  SnaLsqDirection dir[SNA_MAX_DIM];
};

#endif
