// sna/sna.h - the primitive: 1-D bases, their quadrature, and fields of many variables built from products of 1-D functions.
//
// Layer: above base and io. A direction is one variable of the problem: space, time or parameter.
//
// Arrays of points are "structure of arrays" everywhere: x[d][i] is coordinate d of point i.
#ifndef SNA_SNA_H
#define SNA_SNA_H

#include <sna/base.h>
#include <sna/io.h>

// ---------------------------------------------------------------------------------------------------------------------
// SnaBasis: functions of one variable on [lo, hi]. B-splines of degree p on `cells` uniform cells with clamped knots have cells + p
// functions; a homogeneous Dirichlet condition at an end drops the one function that is not zero there.
//
//   full index   0    1    2   ...   cells+p-1        active index = full index - drop_first,
//                |    `----active, n of them---'      n = cells + p - drop_first - drop_last
//                `-- dropped by a Dirichlet condition (or the initial condition) at lo
//
// Formulas: de Boor, A Practical Guide to Splines, ch. IX-X (recurrences for values and derivatives). At lo and hi exactly one function is
// exactly 1 and the others exactly 0. Nothing here is collective. Wrong arguments (degree outside 1..5, no cells, reversed domain, no function
// left) are programmer errors: the deck is checked before.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaBasis_ *SnaBasis;

typedef struct {
  const char *name; // of the direction
  PetscInt    degree, cells, n;
  PetscBool   drop_first, drop_last;
  double      lo, hi;
} SnaBasisInfo;

PetscErrorCode SnaBasisCreateBSpline(const char name[], PetscInt degree, PetscInt cells, double lo, double hi,
  PetscBool drop_first, PetscBool drop_last, SnaBasis *b);
PetscErrorCode SnaBasisDestroy(SnaBasis *b);
PetscErrorCode SnaBasisGetInfo(SnaBasis b, SnaBasisInfo *info);
// Values and derivatives up to `order` at x in [lo, hi] (outside: the end cells' polynomials continue) of the degree+1 functions that live there:
// values[m*(degree+1) + a] = m-th derivative of the function with full index *first_full + a, dropped functions included; zero for m > degree.
PetscErrorCode SnaBasisEvaluate(SnaBasis b, double x, PetscInt order, PetscInt *first_full, double values[]);

// Composite Gauss-Legendre rule with `per_cell` points in each cell and the basis tabulated on it, derivatives 0..order:
// value(m, q, a) = values[(m*nq + q)*(degree+1) + a], function with full index cell(q) + a, cell(q) = q / per_cell.
typedef struct {
  PetscInt nq, per_cell, order;
  double  *x, *w; // nq points and weights
  double  *values;
} SnaTabulation;
PetscErrorCode SnaTabulationCreate(SnaBasis b, PetscInt per_cell, PetscInt order, SnaTabulation *t);
PetscErrorCode SnaTabulationDestroy(SnaTabulation *t);
// Band matrix M[i*(2p+1) + (j-i+p)] = int g (d^a B_i) (d^b B_j) over active functions; g: nq values, NULL = 1. M: n*(2p+1), zero outside the
// matrix. p+1 points in a cell are exact for g = 1; the tabulation may be that of a basis which differs in its dropped functions only.
PetscErrorCode SnaIntegrateMatrix(
  SnaBasis b, const SnaTabulation *t, PetscInt order_a, PetscInt order_b, const double g[], double M[]);
// f[i] = int g (d^a B_i), n numbers.
PetscErrorCode SnaIntegrateVector(SnaBasis b, const SnaTabulation *t, PetscInt order_a, const double g[], double f[]);
// Gauss-Legendre nodes and weights on [-1, 1] (Newton on Legendre polynomials; exact to round-off for n <= 200).
PetscErrorCode SnaGaussLegendre(PetscInt n, double x[], double w[]);

// ---------------------------------------------------------------------------------------------------------------------
// SnaField: a function of nd variables in a separable format, the same on every rank of its communicator. Formats share one interface:
//   cp             u(x) = sum_{r<R} prod_d sum_i C_d[i*R + r] B^d_i(x_d)      (paper eq. 2-3: rank-R tensor-product SNA)
//   tensor_train   u(x) = G_0(x_{dir[0]}) G_1(x_{dir[1]}) ... G_{nd-1}(x_{dir[nd-1]}), matrices of functions (SnaTt)
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaField_ *SnaField;

// An extended tensor train (Oseledets, SIAM J. Sci. Comput. 33 (2011) 2295; with Tucker leaves: Dolgov & Khoromskij, SIAM J. Matrix Anal. Appl. 34
// (2013) 593). Site k of the train holds direction dir[k]; its matrix of functions is
//
//   G_k(x)[a, b] = sum_{j<m_k} core_k[a + r_k*(b + r_{k+1}*j)] sum_{i<n_k} leaf_k[i*m_k + j] B_i(x),     a < r_k,  b < r_{k+1},  r_0 = r_nd = 1
//
//      leaf   n_0 x m_0    n_1 x m_1          n_{nd-1} x m_{nd-1}        n_k: active functions of the basis of direction dir[k]
//                |            |                    |                     m_k: mode rank, the functions kept of this direction
//      core  1 --o---- r_1 ---o---- r_2 --- ... ---o-- 1                 r_k: rank of the cut before site k
//
// leaf_k NULL stands for the identity (m_k = n_k). A plain struct: the arithmetic of sna/tt.h works on it in place.
typedef struct SnaTt_ *SnaTt;
struct SnaTt_ {
  PetscInt nd, dir[SNA_MAX_DIM], n[SNA_MAX_DIM], m[SNA_MAX_DIM], r[SNA_MAX_DIM + 1];
  double  *leaf[SNA_MAX_DIM], *core[SNA_MAX_DIM];
};
// Copies the sizes and allocates zeros; leaf_k is NULL where has_leaf[k] is false (has_leaf NULL: all have one). Not collective, as all of SnaTt.
PetscErrorCode SnaTtCreate(PetscInt nd, const PetscInt dir[], const PetscInt n[], const PetscInt m[],
  const PetscInt r[], const PetscBool has_leaf[], SnaTt *tt);
PetscErrorCode SnaTtDuplicate(SnaTt tt, SnaTt *copy);
PetscErrorCode SnaTtDestroy(SnaTt *tt);
// Numbers in leaves and cores; an identity leaf has none.
PetscErrorCode SnaTtGetParameterCount(SnaTt tt, PetscInt *n);

// Bases are borrowed and must outlive the field. C[d]: n_d * rank numbers, row i = active function i; copied. Not collective.
PetscErrorCode SnaFieldCreateCP(
  PetscInt nd, const SnaBasis bases[], PetscInt rank, const double *const C[], SnaField *f);
// The train is copied; tt->n must agree with the bases (bases[d] is that of direction d, as always).
PetscErrorCode SnaFieldCreateTT(PetscInt nd, const SnaBasis bases[], SnaTt tt, SnaField *f);
// What a field was made of: borrowed train (format tensor_train), or copied factors (format cp; PetscFree each C[d]).
PetscErrorCode SnaFieldGetTT(SnaField f, SnaTt *tt);
PetscErrorCode SnaFieldGetCP(SnaField f, PetscInt *rank, double *C[]);
PetscErrorCode SnaFieldDestroy(SnaField *f);
PetscErrorCode SnaFieldGetFormat(SnaField f, const char **format);
PetscErrorCode SnaFieldGetParameterCount(SnaField f, PetscInt *n);
// u[i] = value at point i; grad[d][i] = derivative in direction d (grad or any grad[d] may be NULL). Points outside the domain are extrapolated by
// the end cells: callers flag them. NaN gives NaN. The values are the same with and without gradient, and a point's value does not depend on
// the others. Not collective; one thread per field (it holds work space).
PetscErrorCode SnaFieldEvaluate(SnaField f, PetscInt n, const double *const x[], double u[], double *const grad[]);
// mass[c] = integral of u^2 over all directions with x_d restricted to cell c of direction d (cells of that basis); sums to ||u||^2. Small masses
// may be negative by round-off. Not collective; O(nd n R^2) operations.
PetscErrorCode SnaFieldMarginal(SnaField f, PetscInt d, double mass[]);
// In a file a field is a group:
//   <group>              attributes format = "cp", directions = "x,y,t"
//   <group>/<direction>  n_d x R numbers, the C_d of above (cp) or the leaf n_k x m_k (tensor_train; an identity leaf is written out and marked by
//                        attribute identity = 1); attributes basis = "bspline", degree, cells, lo, hi, drop_first, drop_last (1 or 0)
//   <group>/core/<direction>  (tensor_train) m_k x r_{k+1} x r_k numbers; attribute order of <group>: directions along the train, "y,x,w"
// Reading holds all of this against the bases, exactly. What differs is a user error: *f is NULL and the file has the sticky error. Collective on
// the file's communicator.
PetscErrorCode SnaFieldWrite(SnaField f, SnaFile file, const char group[]);
PetscErrorCode SnaFieldRead(SnaFile file, const char group[], PetscInt nd, const SnaBasis bases[], SnaField *f);

// ---------------------------------------------------------------------------------------------------------------------
// Relative L2 error ||u - v|| / ||v|| over a box, for functions given as callbacks.
// ---------------------------------------------------------------------------------------------------------------------
// Not collective: ranks call it different numbers of times.
typedef PetscErrorCode (*SnaFunction)(void *ctx, PetscInt n, const double *const x[], double out[]);

typedef struct {
  double error,
    standard_error;  // relative L2 error (absolute where ||v|| = 0) and its standard error (0 for tensor quadrature)
  double     norm;   // ||v||
  PetscInt64 points; // points evaluated over all ranks
} SnaErrorEstimate;

// Tensor Gauss-Legendre: rule d has nq[d] points x[d], weights w[d]. Points are dealt to the ranks; the result is the same to the last bit on any number
// of them. Collective.
PetscErrorCode SnaErrorOnGrid(MPI_Comm comm, PetscInt nd, const PetscInt nq[], const double *const x[],
  const double *const w[], SnaFunction u, void *uctx, SnaFunction v, void *vctx, SnaErrorEstimate *e);
// Randomised quasi-Monte Carlo: 16 independent random shifts of one Kronecker sequence, points/16 each (at least one), the standard error from the spread
// of the shifts (delta method; 15 degrees of freedom). Importance: in direction d points follow the piecewise-constant density over `nbin[d]` equal
// cells proportional to bin[d][c] (mixed with 20 % uniform; bin or bin[d] NULL: uniform), which leaves the estimates of both integrals unbiased.
// The shifts are always the same: deterministic, the same to the last bit on any number of ranks. Collective.
PetscErrorCode SnaErrorQmc(MPI_Comm comm, PetscInt nd, const double lo[], const double hi[], const PetscInt nbin[],
  const double *const bin[], PetscInt points, SnaFunction u, void *uctx, SnaFunction v, void *vctx,
  SnaErrorEstimate *e);

#endif
