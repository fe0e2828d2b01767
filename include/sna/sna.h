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
// SnaBasis: functions of one variable on [lo, hi], of one of the families
//
//   bspline    degree 1..5 on `resolution` cells with clamped knots, uniform or graded (break points given, inner ones up to `degree` times)
//   fourier    sines and cosines in L2-orthonormal scaling, `resolution` of them; which ones follows from the ends: periodic 1, cos, sin, ..;
//              dirichlet-dirichlet sin(k pi s); neumann-neumann cos(k pi s); mixed sin or cos((k - 1/2) pi s). Free and Robin ends: refused
//   chebyshev  T_0 .. T_{m-1} made to satisfy the end conditions, then orthonormalised in L2 by degree; m so that `resolution` functions remain
//   legendre   the same from Legendre polynomials: the same functions up to sign (one space, one inner product, one order), by another recurrence
//
// Every function satisfies the homogeneous conditions of both ends exactly. The domain is cut into cells; on each of them at most `local` functions
// are not zero, and SnaBasisGetIndex() says which:
//
//   splines, dirichlet at both ends, degree 2:      fourier, chebyshev, legendre:
//     cell 0   index -1 0 1                           every cell   index 0 1 .. n-1
//     cell 1   index  0 1 2
//     ...                                             -1: a slot whose function is dropped
//
// A Neumann or Robin end adds a multiple of the function that is not zero there to its neighbour and drops it. Periodic splines are numbered 0, n-1, 1, n-2, ..
// so that they keep a band. Formulas: de Boor, A Practical Guide to Splines, ch. IX-X (recurrences for values and derivatives); Boyd, Chebyshev and Fourier
// Spectral Methods, ch. 2, 6 (conditions by recombination). Nothing here is collective.
// ---------------------------------------------------------------------------------------------------------------------
typedef struct SnaBasis_ *SnaBasis;

typedef enum {
  SNA_END_FREE,
  SNA_END_DIRICHLET, // u = 0
  SNA_END_NEUMANN,   // du/dn = 0
  SNA_END_ROBIN,     // du/dn + robin u = 0, n the outward normal (du/dn = -u' at lo)
  SNA_END_CLAMPED,   // u = 0 and u' = 0
  SNA_END_PERIODIC   // both ends: all derivatives agree (splines: up to degree - 1; polynomials: value and slope)
} SnaEndKind;
typedef struct {
  SnaEndKind kind;
  double     robin;
} SnaEnd;

typedef struct {
  const char   *family; // "bspline", "fourier", "chebyshev", "legendre"
  PetscInt      degree; // of splines; 0 for the others
  PetscInt      resolution; // splines: cells; others: functions
  double        lo, hi;
  SnaEnd        end[2];
  PetscInt      nbreak;     // splines: break points from lo to hi, not decreasing (a repeated inner one lowers the smoothness there); 0: uniform
  const double *breakpoint; // where resolution is not their number of cells, they are interpolated: the same grading on other cells
} SnaBasisSpec;

typedef struct {
  const char   *name, *family; // of the direction
  PetscInt      degree, resolution;
  PetscInt      cells;  // of the tabulation, of lengths that may differ
  PetscInt      n;      // functions
  PetscInt      local;  // entries per point: splines degree + 1, others n
  PetscInt      band;   // matrices have M(i,j) = 0 for |i - j| > band
  PetscInt      points; // Gauss points per cell that integrate the product of two functions: exactly (polynomials) or to round-off
  PetscBool     uniform; // splines on uniform cells with free, Dirichlet or clamped ends: local function a of cell c is active function c + a - drop_first
  PetscInt      drop_first, drop_last; // uniform: functions dropped at the ends
  double        lo, hi;
  SnaEnd        end[2];
  PetscInt      nbreak;
  const double *breakpoint; // borrowed from the basis
} SnaBasisInfo;

// Families by name, "a|b|c", for the option table.
const char *SnaBasisFamilies(void);
// What is wrong with a specification in words for the user ("a Fourier basis needs a condition at both ends: periodic, dirichlet or neumann"), or *ok.
PetscErrorCode SnaBasisCheck(const SnaBasisSpec *spec, PetscBool *ok, char message[SNA_MAX_MESSAGE]);
// Everything is copied. What SnaBasisCheck() refuses is a programmer error here.
PetscErrorCode SnaBasisCreate(const char name[], const SnaBasisSpec *spec, SnaBasis *b);
// The same family, degree, ends and grading at another resolution.
PetscErrorCode SnaBasisCreateLike(SnaBasis b, PetscInt resolution, SnaBasis *other);
// Uniform splines, with homogeneous Dirichlet conditions at the ends that drop their function.
PetscErrorCode SnaBasisCreateBSpline(const char name[], PetscInt degree, PetscInt cells, double lo, double hi,
  PetscBool drop_first, PetscBool drop_last, SnaBasis *b);
PetscErrorCode SnaBasisDestroy(SnaBasis *b);
PetscErrorCode SnaBasisGetInfo(SnaBasis b, SnaBasisInfo *info);
// Active function of each of the `local` entries in a cell, -1: none. Borrowed.
PetscErrorCode SnaBasisGetIndex(SnaBasis b, PetscInt cell, const PetscInt **index);
// First point of cell c; c = cells: hi.
double SnaBasisCellStart(SnaBasis b, PetscInt c);
// Values and derivatives up to `order` at x in [lo, hi] (outside: the end cells' formulas continue) of the `local` functions that live there:
// values[m*local + a] = m-th derivative of entry a of *cell. A dropped entry's value is not used (uniform splines: that of the dropped function).
PetscErrorCode SnaBasisEvaluate(SnaBasis b, double x, PetscInt order, PetscInt *cell, double values[]);
// Coefficients (n numbers) of the j-th of a few smooth functions, j = 0..3, of about equal size: random starts are made of them.
PetscErrorCode SnaBasisSmoothFunction(SnaBasis b, PetscInt j, double c[]);
// Euclidean norm of the coefficients of a smooth function of L2 norm 1, about.
double SnaBasisUnitSize(SnaBasis b);

// Composite Gauss-Legendre rule with `per_cell` points in each cell and the basis tabulated on it, derivatives 0..order:
// value(m, q, a) = values[(m*nq + q)*local + a], entry a of cell(q) = q / per_cell (SnaBasisGetIndex).
typedef struct {
  PetscInt nq, per_cell, order;
  double  *x, *w; // nq points and weights
  double  *values;
} SnaTabulation;
PetscErrorCode SnaTabulationCreate(SnaBasis b, PetscInt per_cell, PetscInt order, SnaTabulation *t);
PetscErrorCode SnaTabulationDestroy(SnaTabulation *t);
// Band matrix M[i*(2p+1) + (j-i+p)] = int g (d^a B_i) (d^b B_j) over active functions, p = info.band; g: nq values, NULL = 1. M: n*(2p+1), zero outside
// the matrix. info.points points in a cell are exact for g = 1; the tabulation may be that of a basis which differs in its dropped functions only.
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
// mass[c] = integral of u^2 over all directions with x_d restricted to the c-th of nbin equal parts of direction d; sums to ||u||^2. Small masses
// may be negative by round-off. Not collective; O(nd n R^2) operations.
PetscErrorCode SnaFieldMarginal(SnaField f, PetscInt d, PetscInt nbin, double mass[]);
// In a file a field is a group:
//   <group>              attributes format = "cp", directions = "x,y,t"
//   <group>/<direction>  n_d x R numbers, the C_d of above (cp) or the leaf n_k x m_k (tensor_train; an identity leaf is written out and marked by
//                        attribute identity = 1); attributes basis = family, degree, resolution, lo, hi, end_lo, end_hi ("free", "dirichlet", ..),
//                        robin_lo, robin_hi, and the data set <group>/breakpoint/<direction> for graded splines
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
