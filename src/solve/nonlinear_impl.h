// Private struct of a multilinear form, shared by nonlinear.c (residual, Jacobian) and nonlinear_newton.c (TAO).
#ifndef SNA_NONLINEAR_IMPL_H
#define SNA_NONLINEAR_IMPL_H

#include <sna/solve.h>

struct SnaMultilinear_ {
  PetscInt            nd, nterm, nlift;
  PetscInt            order[SNA_MAX_DIM]; // highest derivative in the terms
  PetscInt            n[SNA_MAX_DIM], nq[SNA_MAX_DIM];
  PetscInt            J[SNA_MAX_DIM]; // test functions
  PetscInt            slow;           // the direction with most of them
  SnaBasis            trial[SNA_MAX_DIM];
  double             *x[SNA_MAX_DIM], *w[SNA_MAX_DIM]; // the rule
  double             *B[SNA_MAX_DIM];                  // B[m*nq*n + i*nq + q]: m-th derivative of trial function i
  double             *Psi[SNA_MAX_DIM];  // Psi[j*nq + q]: orthonormal test functions times the weights of the rule
  double             *lift[SNA_MAX_DIM]; // lift[(m*nlift + l)*nq + q]
  SnaMultilinearTerm *term;              // owns value[d]
};

#endif
