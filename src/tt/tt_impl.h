// tt_impl.h - dense and banded linear algebra shared by the arithmetic of tensor trains. Private to src/tt; nothing is collective.
//
// Matrices are column-major. A core is three of them without moving a number: r x (q m), its slices (r x q) of one mode, and the mode unfolding (r q) x m.
#ifndef SNA_TT_IMPL_H
#define SNA_TT_IMPL_H

#include <sna/tt.h>
#include <petscblaslapack.h>

// C = op(A) op(B) + beta C, op(A): m x k, op(B): k x n.
static inline PetscErrorCode SnaTtGemm_Private(const char *ta, const char *tb, PetscInt m, PetscInt n, PetscInt k,
  const double *A, PetscInt lda, const double *B, PetscInt ldb, double beta, double *C, PetscInt ldc)
{
  const PetscBLASInt mb = (PetscBLASInt)m, nb = (PetscBLASInt)n, kb = (PetscBLASInt)k;
  const PetscBLASInt la = (PetscBLASInt)lda, lb = (PetscBLASInt)ldb, lc = (PetscBLASInt)ldc;
  const double       one = 1;

  PetscFunctionBeginUser;
  PetscCallBLAS("dgemm", BLASgemm_(ta, tb, &mb, &nb, &kb, &one, A, &la, B, &lb, &beta, C, &lc));
  PetscFunctionReturn(0);
}

// A (m x n) = Q R with k = min(m,n): Q (m x k, orthonormal whatever the rank of A) in place of the first columns of A, R k x n with a diagonal that is not
// negative. `work`: SnaTtQRWork_Private(m, n) numbers.
size_t         SnaTtQRWork_Private(PetscInt m, PetscInt n);
PetscErrorCode SnaTtQR_Private(PetscInt m, PetscInt n, double *A, double *R, double *work);
// Left singular vectors U (m x k) and values S (k, decreasing) of A (m x n), k = min(m,n), by QR and the SVD of R; A is kept.
PetscErrorCode SnaTtLeftSVD_Private(PetscInt m, PetscInt n, const double *A, double *U, double *S);
// Least number of singular values (at least 1) whose tail is at most tol; *tail2 = its sum of squares.
PetscInt SnaTtTail_Private(PetscInt n, const double *S, double tol, double *tail2);

// Cholesky factor M = L L^T of a direction's mass matrix: L[i][j] at L[i*(p+1) + (j-i+p)].
PetscErrorCode SnaTtMassCholesky_Private(SnaTtSpace space, PetscInt d, double **L);
// B (n x m row-major) <- L^T B, L^-1 B, L^-T B.
void SnaTtMassMultiplyT_Private(PetscInt n, PetscInt p, const double *L, PetscInt m, double *B);
void SnaTtMassSolve_Private(PetscInt n, PetscInt p, const double *L, PetscInt m, double *B);
void SnaTtMassSolveT_Private(PetscInt n, PetscInt p, const double *L, PetscInt m, double *B);
// B (n x m row-major) = U R in L2: U n x k row-major, k = min(n,m), in place of B; R k x m column-major.
PetscErrorCode SnaTtOrthonormaliseColumns_Private(SnaTtSpace space, PetscInt d, PetscInt m, double *B, double *R);

// Leaf of site k orthonormal in L2 (an identity leaf becomes a real one), its factor moved into the core.
PetscErrorCode SnaTtOrthonormaliseLeaf_Private(SnaTtSpace space, SnaTt tt, PetscInt k);
// Ranks within what their neighbours allow, cores orthonormal with centre c; the leaves are orthonormal already. Mode ranks stay.
PetscErrorCode SnaTtOrthonormaliseCores_Private(SnaTt tt, PetscInt c);
// Mode ranks within what the ranks beside them allow; orthonormal leaves and cores stay so.
PetscErrorCode SnaTtShrinkModes_Private(SnaTt tt);
// The core of site k becomes core * V^T or core * V in the mode: new core (r q) x columns.
PetscErrorCode SnaTtMultiplyMode_Private(SnaTt tt, PetscInt k, PetscBool transposed, PetscInt columns, const double *V);

// All trains given to a function must fit the space.
PetscErrorCode SnaTtCheck_Private(SnaTtSpace space, SnaTt tt);

#endif
