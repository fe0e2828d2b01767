// SnaField of format "tensor_train": u(x) = G_0(x_{dir[0]}) ... G_{nd-1}(x_{dir[nd-1]}) (Oseledets, SIAM J. Sci.
// Comput. 33 (2011) 2295), evaluated from the spline coefficients of the matrices G_k, leaf times core:
//
//   G_k(x) = sum_{i = c}^{c+p} B_i(x) S_i,   S_i[a,b] = sum_j leaf_k[i,j] core_k[a,b,j],    c: cell of x
//
//   v_0 = 1, v_{k+1} = v_k G_k(x)          prefixes, u = v_nd;     e_k = v_k G'_k(x) by the way
//   s_nd = 1, s_k = G_k(x) s_{k+1}         suffixes;               du/dx_{dir[k]} = e_k s_{k+1}
//
// The p+1 matrices S_i of a cell stand in one piece, so 2 (p+1) r_k r_{k+1} flops give v_{k+1}, and as many s_k; from
// the core with its m_k modes it would be 2 m_k r_k r_{k+1}. The price is memory for 2 n_k r_k r_{k+1} numbers, S_i and
// their transposes. At every site the points of a block are taken in the order of their cells, four of one cell at
// once: the matrices stay in a near cache and every number loaded serves four points. A point's operations do not
// depend on its companions.
// Where more functions live at a point than the leaf has modes (modal bases), the modes' values come first and S_j are the matrices of the core.
// Not done here: derivatives above the first, arithmetic of trains (sna/tt.h).
#include "field_impl.h"
#include <petscblaslapack.h>

#define BLOCK  512 // points that pass together
#define TILE   4   // of them at once
#define COLUMN 4   // vectors of a result at once

typedef struct {
  SnaTt           tt;                     // as given
  PetscInt        width[SNA_MAX_DIM + 1]; // vectors that hold r_k numbers
  SnaVector      *right[SNA_MAX_DIM];     // S_i: [row of function i (field_impl.h)][a][width[k+1]]
  SnaVector      *left[SNA_MAX_DIM];      // its transpose: [row][b][width[k]]
  SnaFieldWeights weights;                // of one block of points, and so all below
  PetscInt       *order;                  // [site][point]: sorted by cell
  SnaVector      *state[2];               // [point][width]: prefixes or suffixes before and after a site
  SnaVector      *change[SNA_MAX_DIM];    // [point][width[k+1]]: e_k
  char           *memory;                 // what the vectors point into
} FieldTT;

static const SnaFieldOps tt_ops;

static PetscErrorCode SnaFieldDestroy_TT(SnaField f)
{
  FieldTT *t = (FieldTT *)f->data;

  PetscFunctionBeginUser;
  PetscCall(SnaTtDestroy(&t->tt));
  PetscCall(SnaFieldWeightsDestroy_Private(f, &t->weights));
  PetscCall(PetscFree(t->order));
  PetscCall(PetscFree(t->memory));
  PetscCall(PetscFree(f->data));
  PetscFunctionReturn(0);
}

static PetscErrorCode SnaFieldGetParameterCount_TT(SnaField f, PetscInt *n)
{
  PetscFunctionBeginUser;
  PetscCall(SnaTtGetParameterCount(((const FieldTT *)f->data)->tt, n));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldGetTT(SnaField f, SnaTt *tt)
{
  PetscFunctionBeginUser;
  PetscCheck(f->ops == &tt_ops, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "The field's format is %s", f->ops->format);
  *tt = ((const FieldTT *)f->data)->tt;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Evaluation
// ---------------------------------------------------------------------------------------------------------------------
// TILE points of one cell at one site. Each of the p1 matrices that count has `rows` rows of `width` vectors.
typedef struct {
  PetscInt         p1, rows, width;
  const PetscInt  *index; // which of the matrices
  const SnaVector *matrices;
  const double    *in[TILE], *value[TILE], *slope[TILE]; // rows numbers; weights of the matrices and their derivatives
  SnaVector       *out[TILE], *change[TILE];             // width vectors each; change[0] NULL: not wanted
} Tile;

// out = sum_l value[l] (in * matrix l), vectors v .. v+nv-1.
SNA_INLINE void Columns(const Tile *t, const int nv, PetscInt v)
{
  SnaVector value[TILE][COLUMN] = {{{0}}}, slope[TILE][COLUMN] = {{{0}}};

  for (PetscInt l = 0; l < t->p1; l++) {
    const SnaVector *row               = t->matrices + t->index[l] * (t->rows * t->width) + v;
    SnaVector        sum[TILE][COLUMN] = {{{0}}};

    for (PetscInt a = 0; a < t->rows; a++, row += t->width) {
      for (int i = 0; i < TILE; i++) {
        for (int c = 0; c < nv; c++) sum[i][c] += row[c] * t->in[i][a];
      }
    }
    for (int i = 0; i < TILE; i++) {
      for (int c = 0; c < nv; c++) value[i][c] += sum[i][c] * t->value[i][l];
      for (int c = 0; t->change[0] && c < nv; c++) slope[i][c] += sum[i][c] * t->slope[i][l];
    }
  }
  for (int i = 0; i < TILE; i++) {
    for (int c = 0; c < nv; c++) t->out[i][v + c] = value[i][c];
    for (int c = 0; t->change[0] && c < nv; c++) t->change[i][v + c] = slope[i][c];
  }
}

static void MultiplyTile(const Tile *t)
{
  PetscInt v = 0;

  while (v < t->width) { // widths as equal as they can be: a narrow one waits for its own sums
    const PetscInt rest = t->width - v, share = (rest + COLUMN - 1) / COLUMN, nv = (rest + share - 1) / share;

    switch (nv) {
    case 1:
      Columns(t, 1, v);
      break;
    case 2:
      Columns(t, 2, v);
      break;
    case 3:
      Columns(t, 3, v);
      break;
    default:
      Columns(t, COLUMN, v);
      break;
    }
    v += nv;
  }
}

// state[1] = state[0] G_k (forward, and e_k with it) or G_k state[0], for n points; exchanges the two afterwards.
static void MultiplyBySite(SnaField f, PetscInt k, PetscInt n, PetscBool forward, PetscBool gradient)
{
  FieldTT               *t                      = (FieldTT *)f->data;
  static const PetscInt  contiguous[SNA_MAX_P1] = {0, 1, 2, 3, 4, 5};
  const SnaFieldWeights *w                      = &t->weights;
  const PetscInt         d = t->tt->dir[k], nd = f->nd, from = forward ? k : k + 1, to = forward ? k + 1 : k;
  const PetscInt        *order = t->order + k * BLOCK, *row = w->row + d;
  SnaVector             *matrices = forward ? t->right[k] : t->left[k], *swap;
  Tile tile = {.p1 = w->uniform ? f->info[d].degree + 1 : w->count[d], .rows = t->tt->r[from], .width = t->width[to]};

  for (PetscInt at = 0; at < n;) {
    const PetscInt cell = row[order[at] * nd];
    PetscInt       size = 1;

    while (size < TILE && at + size < n && row[order[at + size] * nd] == cell) size++;
    tile.matrices = w->uniform ? matrices + cell * tile.rows * tile.width : matrices;
    tile.index    = w->uniform ? contiguous : w->index[d] + cell * w->count[d];
    for (PetscInt i = 0; i < TILE; i++) { // a tile that is not full repeats its last point
      const PetscInt point  = order[at + PetscMin(i, size - 1)];
      const double  *weight = w->weight + (point * w->stride + w->begin[d]) * (gradient ? 2 : 1);

      tile.in[i]     = (const double *)(t->state[0] + point * t->width[from]);
      tile.value[i]  = weight;
      tile.slope[i]  = weight + w->count[d];
      tile.out[i]    = t->state[1] + point * tile.width;
      tile.change[i] = forward && gradient ? t->change[k] + point * tile.width : NULL;
    }
    MultiplyTile(&tile);
    at += size;
  }
  swap        = t->state[0];
  t->state[0] = t->state[1];
  t->state[1] = swap;
}

// Counting sort of the block's points at every site.
static void SortBlock(SnaField f, PetscInt n)
{
  FieldTT *t = (FieldTT *)f->data;

  for (PetscInt k = 0; k < f->nd; k++) {
    const PetscInt *row   = t->weights.row + t->tt->dir[k];
    PetscInt       *order = t->order + k * BLOCK, *start = t->order + f->nd * BLOCK;
    const PetscInt  cells = t->weights.pieces[t->tt->dir[k]];

    for (PetscInt c = 0; c <= cells; c++) start[c] = 0;
    for (PetscInt i = 0; i < n; i++) start[row[i * f->nd] + 1]++;
    for (PetscInt c = 0; c < cells; c++) start[c + 1] += start[c];
    for (PetscInt i = 0; i < n; i++) order[start[row[i * f->nd]]++] = i;
  }
}

// The empty product, one number per point.
static void SetToOne(FieldTT *t, PetscInt n)
{
  for (PetscInt i = 0; i < n; i++) t->state[0][i] = (SnaVector){1};
}

static PetscErrorCode SnaFieldEvaluate_TT(
  SnaField f, PetscInt n, const double *const x[], double u[], double *const grad[])
{
  FieldTT        *t        = (FieldTT *)f->data;
  const PetscBool gradient = (PetscBool)(grad != NULL);

  PetscFunctionBeginUser;
  for (PetscInt begin = 0; begin < n; begin += BLOCK) {
    const PetscInt size = PetscMin(BLOCK, n - begin);

    PetscCall(SnaFieldWeightsOfBlock_Private(f, &t->weights, gradient, begin, size, x));
    SortBlock(f, size);
    SetToOne(t, size);
    for (PetscInt k = 0; k < f->nd; k++) MultiplyBySite(f, k, size, PETSC_TRUE, gradient);
    for (PetscInt i = 0; i < size; i++) u[begin + i] = t->state[0][i][0];
    if (!grad) continue;
    SetToOne(t, size);
    for (PetscInt k = f->nd - 1; k >= 0; k--) {
      const PetscInt d = t->tt->dir[k], width = t->width[k + 1];
      const double   scale = t->weights.scale[d];

      for (PetscInt i = 0; grad[d] && i < size; i++) {
        SnaVector product = {0};

        for (PetscInt v = i * width; v < (i + 1) * width; v++) product += t->change[k][v] * t->state[0][v];
        grad[d][begin + i] = scale * SnaVectorSum(product);
      }
      if (k > 0) MultiplyBySite(f, k, size, PETSC_FALSE, PETSC_TRUE);
    }
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Creation
// ---------------------------------------------------------------------------------------------------------------------
// C = op(A) op(B), or C += with add; C is rows x columns, all column-major and dense.
static PetscErrorCode Product(const char op[2], PetscInt rows, PetscInt columns, PetscInt inner, const double A[],
  const double B[], PetscBool add, double C[])
{
  const double one = 1, beta = add ? 1 : 0;
  PetscBLASInt m, n, k;

  PetscFunctionBeginUser;
  PetscCall(PetscBLASIntCast(rows, &m));
  PetscCall(PetscBLASIntCast(columns, &n));
  PetscCall(PetscBLASIntCast(inner, &k));
  PetscCallBLAS("BLASgemm",
    BLASgemm_(&op[0], &op[1], &m, &n, &k, &one, A, op[0] == 'N' ? &m : &k, B, op[1] == 'N' ? &k : &n, &beta, C, &m));
  PetscFunctionReturn(0);
}

// right[k] and left[k], zeros before.
static PetscErrorCode FillSite(SnaField f, PetscInt k)
{
  FieldTT       *t  = (FieldTT *)f->data;
  const SnaTt    tt = t->tt;
  const PetscInt d = tt->dir[k], r = tt->r[k], q = tt->r[k + 1], first = t->weights.first[d];
  const PetscInt n = t->weights.leaf[d] ? tt->m[k] : tt->n[k];
  double        *S;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)r * (size_t)q * (size_t)n, &S)); // S[a + r*(b + q*i)]
  if (tt->leaf[k] && !t->weights.leaf[d])
    PetscCall(Product("NN", r * q, n, tt->m[k], tt->core[k], tt->leaf[k], PETSC_FALSE, S));
  else
    PetscCall(PetscArraycpy(S, tt->core[k], (size_t)r * (size_t)q * (size_t)n));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt b = 0; b < q; b++) {
      for (PetscInt a = 0; a < r; a++) {
        const double value = S[a + r * (b + q * i)];

        ((double *)(t->right[k] + ((first + i) * r + a) * t->width[k + 1]))[b] = value;
        ((double *)(t->left[k] + ((first + i) * q + b) * t->width[k]))[a]      = value;
      }
    }
  }
  PetscCall(PetscFree(S));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldCreateTT(PetscInt nd, const SnaBasis bases[], SnaTt tt, SnaField *f)
{
  SnaField      field;
  FieldTT      *t;
  PetscBool     seen[SNA_MAX_DIM] = {PETSC_FALSE};
  PetscInt      widest = 1, cells = 1, modes[SNA_MAX_DIM];
  const double *leaf[SNA_MAX_DIM];
  size_t        vectors = 0;
  SnaVector    *next;

  PetscFunctionBeginUser;
  PetscCheck(tt->nd == nd, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ,
    "A train of %" PetscInt_FMT " sites for %" PetscInt_FMT " directions", tt->nd, nd);
  PetscCall(SnaFieldCreate_Private(nd, bases, &tt_ops, &field));
  PetscCall(PetscNew(&t));
  field->data = t;
  for (PetscInt k = 0; k < nd; k++) {
    const PetscInt d = tt->dir[k];

    PetscCheck(d >= 0 && d < nd && !seen[d], PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
      "Site %" PetscInt_FMT " holds direction %" PetscInt_FMT, k, d);
    PetscCheck(tt->n[k] == field->info[d].n, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ,
      "Site %" PetscInt_FMT " has %" PetscInt_FMT " functions, its basis %" PetscInt_FMT, k, tt->n[k],
      field->info[d].n);
    PetscCheck((double)tt->n[k] * (double)tt->r[k] * (double)tt->r[k + 1] < (double)PETSC_MAX_INT, PETSC_COMM_SELF,
      PETSC_ERR_ARG_OUTOFRANGE, "Site %" PetscInt_FMT ": ranks %" PetscInt_FMT ", %" PetscInt_FMT, k, tt->r[k],
      tt->r[k + 1]);
    seen[d] = PETSC_TRUE;
  }
  PetscCall(SnaTtDuplicate(tt, &t->tt));
  for (PetscInt k = 0; k < nd; k++) { // the modes first where the functions that live at a point are more
    const PetscInt d = tt->dir[k];

    modes[d] = tt->m[k];
    leaf[d]  = t->tt->leaf[k] && tt->m[k] < field->info[d].local ? t->tt->leaf[k] : NULL;
  }
  PetscCall(SnaFieldWeightsCreate_Private(field, BLOCK, modes, leaf, &t->weights));
  for (PetscInt k = 0; k <= nd; k++) {
    t->width[k] = (tt->r[k] + SNA_WIDTH - 1) / SNA_WIDTH;
    widest      = PetscMax(widest, t->width[k]);
  }
  for (PetscInt k = 0; k < nd; k++) {
    const PetscInt rows = t->weights.rows[tt->dir[k]];

    cells = PetscMax(cells, t->weights.pieces[tt->dir[k]]);
    vectors += (size_t)rows * (size_t)(tt->r[k] * t->width[k + 1] + tt->r[k + 1] * t->width[k]) +
               (size_t)BLOCK * (size_t)t->width[k + 1];
  }
  PetscCall(PetscMalloc1((size_t)(nd * BLOCK + cells + 1), &t->order));
  PetscCall(SnaVectorCalloc(vectors + 2 * (size_t)BLOCK * (size_t)widest, &next, &t->memory));
  for (PetscInt k = 0; k < nd; k++) {
    const PetscInt rows = t->weights.rows[tt->dir[k]];

    t->right[k] = next;
    next += (size_t)rows * (size_t)(tt->r[k] * t->width[k + 1]);
    t->left[k] = next;
    next += (size_t)rows * (size_t)(tt->r[k + 1] * t->width[k]);
    t->change[k] = next;
    next += (size_t)BLOCK * (size_t)t->width[k + 1];
    PetscCall(FillSite(field, k));
  }
  t->state[0] = next;
  t->state[1] = next + (size_t)BLOCK * (size_t)widest;
  *f          = field;
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Marginals
// ---------------------------------------------------------------------------------------------------------------------
// The leaf of site k, the identity written out; PetscFree it.
static PetscErrorCode CopyLeaf(SnaTt tt, PetscInt k, double **leaf)
{
  PetscFunctionBeginUser;
  PetscCall(PetscCalloc1((size_t)tt->n[k] * (size_t)tt->m[k], leaf));
  if (tt->leaf[k])
    PetscCall(PetscArraycpy(*leaf, tt->leaf[k], (size_t)tt->n[k] * (size_t)tt->m[k]));
  else
    for (PetscInt i = 0; i < tt->n[k]; i++) (*leaf)[i * tt->m[k] + i] = 1;
  PetscFunctionReturn(0);
}

// Z_j = sum_l W_jl core_l with the Gram matrix W of the leaf's functions, core_l the r x q matrix of mode l.
static PetscErrorCode WeightedCore(SnaField f, PetscInt k, double Z[])
{
  const SnaTt    tt = ((const FieldTT *)f->data)->tt;
  const PetscInt m  = tt->m[k];
  double        *leaf, *W;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc1((size_t)m * (size_t)m, &W));
  PetscCall(CopyLeaf(tt, k, &leaf));
  PetscCall(SnaFieldGram_Private(f->basis[tt->dir[k]], m, leaf, W));
  PetscCall(Product("NN", tt->r[k] * tt->r[k + 1], m, m, tt->core[k], W, PETSC_FALSE, Z));
  PetscCall(PetscFree(leaf));
  PetscCall(PetscFree(W));
  PetscFunctionReturn(0);
}

// With L the Gram matrix of the prefixes v_k (r_k x r_k) and R that of the suffixes s_{k+1},
//   L <- sum_j core_j^T L Z_j  left of direction d,   R <- sum_j Z_j R core_j^T  right of it,
//   H_jl = sum_ab core_j[a,b] (L core_l R)[a,b]       at its site.
static PetscErrorCode SnaFieldMarginal_TT(SnaField f, PetscInt d, PetscInt nbin, double mass[])
{
  const SnaTt tt   = ((const FieldTT *)f->data)->tt;
  PetscInt    site = 0, widest = 1;
  size_t      largest = 1;
  double     *L, *R, *Z, *T, *H, *leaf;

  PetscFunctionBeginUser;
  while (tt->dir[site] != d) site++;
  for (PetscInt k = 0; k < tt->nd; k++) {
    widest  = PetscMax(widest, tt->r[k]);
    largest = PetscMax(largest, (size_t)tt->r[k] * (size_t)tt->r[k + 1] * (size_t)tt->m[k]);
  }
  PetscCall(PetscMalloc5((size_t)widest * (size_t)widest, &L, (size_t)widest * (size_t)widest, &R, largest, &Z, largest,
    &T, (size_t)tt->m[site] * (size_t)tt->m[site], &H));
  L[0] = 1;
  R[0] = 1;
  for (PetscInt k = 0; k < site; k++) {
    const PetscInt r = tt->r[k], q = tt->r[k + 1];

    PetscCall(WeightedCore(f, k, Z));
    PetscCall(Product("NN", r, q * tt->m[k], r, L, Z, PETSC_FALSE, T));
    for (PetscInt j = 0; j < tt->m[k]; j++)
      PetscCall(Product("TN", q, q, r, tt->core[k] + r * q * j, T + r * q * j, (PetscBool)(j > 0), L));
  }
  for (PetscInt k = tt->nd - 1; k > site; k--) {
    const PetscInt r = tt->r[k], q = tt->r[k + 1];

    PetscCall(WeightedCore(f, k, Z));
    for (PetscInt j = 0; j < tt->m[k]; j++)
      PetscCall(Product("NN", r, q, q, Z + r * q * j, R, PETSC_FALSE, T + r * q * j));
    for (PetscInt j = 0; j < tt->m[k]; j++)
      PetscCall(Product("NT", r, r, q, T + r * q * j, tt->core[k] + r * q * j, (PetscBool)(j > 0), R));
  }
  {
    const PetscInt r = tt->r[site], q = tt->r[site + 1], m = tt->m[site];

    PetscCall(Product("NN", r, q * m, r, L, tt->core[site], PETSC_FALSE, Z));
    for (PetscInt j = 0; j < m; j++) PetscCall(Product("NN", r, q, q, Z + r * q * j, R, PETSC_FALSE, T + r * q * j));
    PetscCall(Product("TN", m, m, r * q, tt->core[site], T, PETSC_FALSE, H));
    PetscCall(CopyLeaf(tt, site, &leaf));
    PetscCall(SnaFieldBinMass_Private(f->basis[d], m, leaf, H, nbin, mass));
    PetscCall(PetscFree(leaf));
  }
  PetscCall(PetscFree5(L, R, Z, T, H));
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Files
// ---------------------------------------------------------------------------------------------------------------------
static PetscErrorCode SnaFieldWrite_TT(SnaField f, SnaFile file, const char group[])
{
  const SnaTt  tt = ((const FieldTT *)f->data)->tt;
  SnaBasisInfo info[SNA_MAX_DIM];
  char         path[PETSC_MAX_PATH_LEN], *names;
  double      *leaf;

  PetscFunctionBeginUser;
  for (PetscInt k = 0; k < tt->nd; k++) {
    const PetscInt leaf_dims[2] = {tt->n[k], tt->m[k]}, core_dims[3] = {tt->m[k], tt->r[k + 1], tt->r[k]};

    info[k] = f->info[tt->dir[k]];
    PetscCall(PetscSNPrintf(path, sizeof(path), "%s/%s", group, info[k].name));
    PetscCall(CopyLeaf(tt, k, &leaf));
    PetscCall(SnaFileWriteArray(file, path, 2, leaf_dims, leaf));
    PetscCall(PetscFree(leaf));
    if (!tt->leaf[k]) PetscCall(SnaFileWriteAttributeReal(file, path, "identity", 1));
    PetscCall(PetscSNPrintf(path, sizeof(path), "%s/core/%s", group, info[k].name));
    PetscCall(SnaFileWriteArray(file, path, 3, core_dims, tt->core[k]));
  }
  PetscCall(SnaFieldJoinNames_Private(tt->nd, info, &names));
  PetscCall(SnaFileWriteAttributeText(file, group, "order", names));
  PetscCall(PetscFree(names));
  PetscFunctionReturn(0);
}

// dir[0..nd-1] from attribute `order`; *go = PETSC_FALSE and the file's error set when it is no permutation.
static PetscErrorCode ReadOrder(
  SnaFile file, const char group[], PetscInt nd, const SnaBasisInfo info[], PetscInt dir[], PetscBool *go)
{
  const char *message;
  char       *names, *text, **words;
  int         nword = 0;
  size_t      size;
  PetscBool   seen[SNA_MAX_DIM] = {PETSC_FALSE};

  PetscFunctionBeginUser;
  *go = PETSC_FALSE;
  PetscCall(SnaFieldJoinNames_Private(nd, info, &names));
  PetscCall(PetscStrlen(names, &size));
  size += SNA_MAX_MESSAGE;
  PetscCall(PetscCalloc1(size, &text));
  PetscCall(SnaFileReadAttributeText(file, group, "order", size, text));
  PetscCall(SnaFileGetError(file, &message));
  if (!message) {
    PetscCall(PetscStrToArray(text, ',', &nword, &words));
    *go = (PetscBool)(nword == nd);
    for (PetscInt k = 0; k < nd && *go; k++) {
      PetscBool same = PETSC_FALSE;

      for (dir[k] = 0; dir[k] < nd; dir[k]++) {
        PetscCall(PetscStrcmp(words[k], info[dir[k]].name, &same));
        if (same) break;
      }
      *go = (PetscBool)(same && !seen[dir[k]]);
      if (same) seen[dir[k]] = PETSC_TRUE;
    }
    PetscCall(PetscStrToArrayDestroy(nword, words));
    if (!*go)
      PetscCall(
        SnaFileSetError(file, "%s: order `%s` does not hold each of the directions `%s` once", group, text, names));
  }
  PetscCall(PetscFree(text));
  PetscCall(PetscFree(names));
  PetscFunctionReturn(0);
}

// *leaf is NULL for an identity, too; *go = PETSC_FALSE and the file's error set when something is wrong.
static PetscErrorCode ReadLeaf(SnaFile file, const char path[], PetscInt n, PetscInt *m, double **leaf, PetscBool *go)
{
  const char *message;
  PetscInt    dims[2], wrong = 0;
  PetscBool   marked   = PETSC_FALSE;
  double      identity = 0;

  PetscFunctionBeginUser;
  PetscCall(SnaFieldReadNumbers_Private(file, path, 2, (const PetscInt[]){n, 0}, dims, leaf));
  *go = (PetscBool)(*leaf != NULL);
  if (!*go) PetscFunctionReturn(0);
  *m = dims[1];
  PetscCall(SnaFileHasAttribute(file, path, "identity", &marked));
  if (marked) PetscCall(SnaFileReadAttributeReal(file, path, "identity", &identity));
  PetscCall(SnaFileGetError(file, &message));
  if (!message && *m > n)
    PetscCall(SnaFileSetError(file, "%s: %" PetscInt_FMT " modes of %" PetscInt_FMT " functions", path, *m, n));
  if (!message && identity != 0) {
    for (PetscInt i = 0; i < n * *m; i++) wrong += (*leaf)[i] != (i / *m == i % *m ? 1 : 0);
    if (wrong || *m != n) PetscCall(SnaFileSetError(file, "%s: marked as the identity, which it is not", path));
    PetscCall(PetscFree(*leaf));
  }
  PetscCall(SnaFileGetError(file, &message));
  *go = (PetscBool)(message == NULL);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaFieldRead_TT(SnaFile file, const char group[], PetscInt nd, const SnaBasis bases[], SnaField *f)
{
  SnaBasisInfo  info[SNA_MAX_DIM];
  struct SnaTt_ tt = {.nd = nd, .r = {1}};
  char          path[PETSC_MAX_PATH_LEN];
  PetscBool     go;

  PetscFunctionBeginUser;
  for (PetscInt d = 0; d < nd; d++) PetscCall(SnaBasisGetInfo(bases[d], &info[d]));
  PetscCall(ReadOrder(file, group, nd, info, tt.dir, &go));
  for (PetscInt k = 0; k < nd && go; k++) {
    const char *name    = info[tt.dir[k]].name;
    PetscInt    dims[3] = {0};

    tt.n[k] = info[tt.dir[k]].n;
    PetscCall(PetscSNPrintf(path, sizeof(path), "%s/%s", group, name));
    PetscCall(ReadLeaf(file, path, tt.n[k], &tt.m[k], &tt.leaf[k], &go));
    if (!go) break;
    PetscCall(PetscSNPrintf(path, sizeof(path), "%s/core/%s", group, name));
    PetscCall(SnaFieldReadNumbers_Private(
      file, path, 3, (const PetscInt[]){tt.m[k], k + 1 < nd ? 0 : 1, tt.r[k]}, dims, &tt.core[k]));
    go          = (PetscBool)(tt.core[k] != NULL);
    tt.r[k + 1] = dims[1];
  }
  if (go) PetscCall(SnaFieldCreateTT(nd, bases, &tt, f));
  for (PetscInt k = 0; k < nd; k++) {
    PetscCall(PetscFree(tt.leaf[k]));
    PetscCall(PetscFree(tt.core[k]));
  }
  PetscFunctionReturn(0);
}

static const SnaFieldOps tt_ops = {
  .format            = "tensor_train",
  .getparametercount = SnaFieldGetParameterCount_TT,
  .evaluate          = SnaFieldEvaluate_TT,
  .marginal          = SnaFieldMarginal_TT,
  .write             = SnaFieldWrite_TT,
  .destroy           = SnaFieldDestroy_TT,
};
