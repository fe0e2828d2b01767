// connect.c - connected components of a set of voxels, which of them percolate, where they hang on hinges; over slabs.
//
// Voxels of the set that follow each other in x are a run, and runs of neighbouring rows that overlap are joined
// (union-find): the components of this rank's slab, cut open at its faces. Those that touch a face are the nodes of a
// graph, and every contact across a face of the slab or of the cell is an edge, with a step into the next image of the
// cell where the face is the cell's. Rank 0 joins the nodes by union-find with offsets: a node knows in which image it
// lies, seen from its root. An edge between two nodes of one root closes a way round the torus; the axes along which
// its steps do not add up to zero are those along which the component percolates (the test of Machta et al., PRE 54,
// 1332 (1996); Newman and Ziff, PRE 64, 016706 (2001)). A component that runs round diagonally percolates along each
// axis on its way; one that touches two opposite faces without closing does not.
//
// In one octant of a mirror-symmetric cell nothing is joined across faces, since the voxel there is the voxel itself:
// touching both faces of an axis is percolation.
//
// A hinge is (1) an edge of whose four voxels exactly the two that are diagonally opposite are in the set, or (2) a
// corner of whose eight voxels exactly the two at the ends of a space diagonal are. A corner at the end of a hinge of
// the first kind is not counted again.
//
// Memory: 12 bytes per run and 8 per component, so at most 10 bytes per voxel (every second voxel set); on rank 0 also
// the graph.
#include <sna/voxel.h>
#include <string.h>

typedef struct { // a slab's runs, ordered by x, y, z
  PetscInt    nx, ny, nz;
  PetscInt    nrun, *begin, *end; // x = begin .. end-1
  PetscInt   *row;                // row[k*ny + j]: first run of row j of plane k; ny*nz + 1 entries
  PetscInt   *component;          // of each run; the parent of the run while runs are being joined
  PetscInt    ncomponent, nnode;  // components, those that touch a face of the slab first
  PetscInt64 *size;               // voxels of each component
  uint8_t    *touch;              // faces of the cell that a node touches: bit 2*axis low, bit 2*axis + 1 high
} Slab;

static PetscErrorCode SlabDestroy(Slab *S)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree2(S->begin, S->end));
  PetscCall(PetscFree(S->row));
  PetscCall(PetscFree(S->component));
  PetscCall(PetscFree2(S->size, S->touch));
  PetscFunctionReturn(0);
}

static PetscErrorCode FindRuns(SnaVoxels v, const uint8_t in[256], Slab *S)
{
  const PetscInt nrow = v->n[1] * v->nz;
  PetscInt64     count;

  PetscFunctionBeginUser;
  *S = (Slab){.nx = v->n[0], .ny = v->n[1], .nz = v->nz};
  PetscCall(PetscMalloc1((size_t)nrow + 1, &S->row));
  for (int pass = 0; pass < 2; pass++) { // count, then store
    count = 0;
    for (PetscInt r = 0; r < nrow; r++) {
      const uint8_t *phase = v->phase + (size_t)r * (size_t)S->nx;

      if (pass) S->row[r] = (PetscInt)count;
      for (PetscInt x = 0; x < S->nx;) {
        PetscInt begin;

        while (x < S->nx && !in[phase[x]]) x++;
        if (x == S->nx) break;
        begin = x;
        while (x < S->nx && in[phase[x]]) x++;
        if (pass) {
          S->begin[count] = begin;
          S->end[count]   = x;
        }
        count++;
      }
    }
    if (pass) break;
    PetscCheck(count <= PETSC_MAX_INT, v->comm, PETSC_ERR_SUP, "Too many voxels on one rank: use more ranks");
    S->nrun = (PetscInt)count;
    PetscCall(PetscMalloc2((size_t)count, &S->begin, (size_t)count, &S->end));
    PetscCall(PetscMalloc1((size_t)count, &S->component));
  }
  S->row[nrow] = S->nrun;
  PetscFunctionReturn(0);
}

// The root of a run is the smallest of its runs, so that parents precede children.
static PetscInt Root(PetscInt *parent, PetscInt r)
{
  while (parent[r] != r) r = parent[r] = parent[parent[r]];
  return r;
}

// The next pair of runs a of one row and b of another that overlap, from (*a, *b) on.
static PetscBool NextOverlap(const Slab *S, PetscInt *a, PetscInt a_end, PetscInt *b, PetscInt b_end)
{
  while (*a < a_end && *b < b_end) {
    if (S->end[*a] <= S->begin[*b])
      (*a)++;
    else if (S->end[*b] <= S->begin[*a])
      (*b)++;
    else
      return PETSC_TRUE;
  }
  return PETSC_FALSE;
}

static void Advance(const Slab *S, PetscInt *a, PetscInt *b)
{
  if (S->end[*a] < S->end[*b])
    (*a)++;
  else
    (*b)++;
}

static void JoinRows(Slab *S, PetscInt r, PetscInt s)
{
  for (PetscInt a = S->row[r], b = S->row[s]; NextOverlap(S, &a, S->row[r + 1], &b, S->row[s + 1]);
       Advance(S, &a, &b)) {
    const PetscInt p = Root(S->component, a), q = Root(S->component, b);

    if (p < q)
      S->component[q] = p;
    else
      S->component[p] = q;
  }
}

static uint8_t RunTouches(const Slab *S, PetscInt run, PetscInt j, PetscBool bottom, PetscBool top)
{
  return (uint8_t)((S->begin[run] == 0) | (S->end[run] == S->nx) << 1 | (j == 0) << 2 | (j == S->ny - 1) << 3 |
                   bottom << 4 | top << 5);
}

// Components of the slab without anything beyond its faces.
static PetscErrorCode FindComponents(SnaVoxels v, Slab *S)
{
  PetscInt *label = S->component;

  PetscFunctionBeginUser;
  for (PetscInt r = 0; r < S->nrun; r++) label[r] = r;
  for (PetscInt k = 0; k < S->nz; k++) {
    for (PetscInt j = 0; j < S->ny; j++) {
      if (j > 0) JoinRows(S, k * S->ny + j, k * S->ny + j - 1);
      if (k > 0) JoinRows(S, k * S->ny + j, k * S->ny + j - S->ny);
    }
  }
  for (PetscInt r = 0; r < S->nrun; r++) label[r] = label[label[r]];
  // Numbers for the roots, stored as their complement until all have one: nodes first.
  for (int pass = 0; pass < 2; pass++) {
    for (PetscInt k = 0; k < S->nz; k++) {
      for (PetscInt j = 0; j < S->ny; j++) {
        for (PetscInt r = S->row[k * S->ny + j]; r < S->row[k * S->ny + j + 1]; r++) {
          const PetscInt root = label[r] < 0 ? r : label[r];

          if (label[root] < 0) continue;
          if (pass || RunTouches(S, r, j, k == 0, k == S->nz - 1)) label[root] = ~S->ncomponent++;
        }
      }
    }
    if (!pass) S->nnode = S->ncomponent;
  }
  for (PetscInt r = 0; r < S->nrun; r++) label[r] = label[r] < 0 ? ~label[r] : label[label[r]];

  PetscCall(PetscCalloc2((size_t)S->ncomponent, &S->size, (size_t)S->nnode, &S->touch));
  for (PetscInt k = 0; k < S->nz; k++) {
    for (PetscInt j = 0; j < S->ny; j++) {
      for (PetscInt r = S->row[k * S->ny + j]; r < S->row[k * S->ny + j + 1]; r++) {
        S->size[label[r]] += S->end[r] - S->begin[r];
        if (label[r] < S->nnode) S->touch[label[r]] |= RunTouches(S, r, j, v->z0 + k == 0, v->z0 + k == v->n[2] - 1);
      }
    }
  }
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Union-find with offsets
// ---------------------------------------------------------------------------------------------------------------------
typedef struct {
  PetscInt  n;
  PetscInt *parent;
  PetscInt (*shift)[3]; // the image in which the node lies, seen from its parent
  uint8_t *winds;       // of a root: bit a: the component winds along axis a
} Graph;

typedef struct { // node b goes on from node a, in the next image along `axis`, or in the same (-1)
  PetscInt a, b, axis;
} Edge;

static PetscErrorCode GraphCreate(PetscInt n, Graph *G)
{
  PetscFunctionBeginUser;
  G->n = n;
  PetscCall(PetscMalloc1((size_t)n, &G->parent));
  PetscCall(PetscCalloc2((size_t)n, &G->shift, (size_t)n, &G->winds));
  for (PetscInt i = 0; i < n; i++) G->parent[i] = i;
  PetscFunctionReturn(0);
}

static PetscErrorCode GraphDestroy(Graph *G)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree(G->parent));
  PetscCall(PetscFree2(G->shift, G->winds));
  PetscFunctionReturn(0);
}

static PetscInt GraphRoot(Graph *G, PetscInt i, PetscInt shift[3])
{
  for (int a = 0; a < 3; a++) shift[a] = 0;
  while (G->parent[i] != i) {
    const PetscInt p = G->parent[i];

    for (int a = 0; a < 3; a++) {
      G->shift[i][a] += G->shift[p][a]; // zero where p is the root
      shift[a] += G->shift[i][a];
    }
    i = G->parent[i] = G->parent[p];
  }
  return i;
}

// FALSE when the edge tells nothing new: both ends joined already, and no axis along which their component does not
// wind yet.
static PetscBool GraphJoin(Graph *G, const Edge *e)
{
  PetscInt       s[3], t[3];
  const PetscInt p = GraphRoot(G, e->a, s), q = GraphRoot(G, e->b, t);
  uint8_t        winds = 0;

  for (int a = 0; a < 3; a++) {
    s[a] += (e->axis == a) - t[a];
    if (s[a]) winds |= (uint8_t)(1 << a);
  }
  if (p == q) {
    if (!(winds & ~G->winds[p])) return PETSC_FALSE;
    G->winds[p] |= winds;
  } else {
    G->parent[q] = p;
    G->winds[p] |= G->winds[q];
    for (int a = 0; a < 3; a++) G->shift[q][a] = s[a];
  }
  return PETSC_TRUE;
}

// ---------------------------------------------------------------------------------------------------------------------
// Contacts across the faces of the slab
// ---------------------------------------------------------------------------------------------------------------------
typedef struct { // a number of things on every rank, and where each rank's begin when all are put together
  PetscMPIInt *count, *start;
  PetscInt     total;
} Shares;

static PetscErrorCode SharesCreate(MPI_Comm comm, PetscInt mine, Shares *s)
{
  PetscMPIInt size, n;
  PetscInt64  sum = 0;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscMalloc2((size_t)size, &s->count, (size_t)size, &s->start));
  PetscCall(PetscMPIIntCast(mine, &n));
  PetscCallMPI(MPI_Allgather(&n, 1, MPI_INT, s->count, 1, MPI_INT, comm));
  for (PetscMPIInt r = 0; r < size; r++) {
    s->start[r] = (PetscMPIInt)sum;
    sum += s->count[r];
    PetscCheck(sum <= PETSC_MPI_INT_MAX, comm, PETSC_ERR_SUP, "Too many components at the faces of the ranks");
  }
  s->total = (PetscInt)sum;
  PetscFunctionReturn(0);
}

static PetscErrorCode SharesDestroy(Shares *s)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree2(s->count, s->start));
  PetscFunctionReturn(0);
}

typedef struct {
  Graph    graph;            // this rank's nodes, then those of the rank below unless it is this one
  PetscInt below_first;      // where those begin
  PetscInt base, below_base; // numbers over all ranks of this rank's first node and of that one's
  Edge    *edge;             // with numbers over all ranks
  PetscInt nedge;
} Contacts;

static void AddContact(Contacts *C, PetscInt a, PetscBool a_below, PetscInt b, PetscInt axis)
{
  const Edge local = {a_below ? C->below_first + a : a, b, axis};

  if (GraphJoin(&C->graph, &local))
    C->edge[C->nedge++] = (Edge){(a_below ? C->below_base : C->base) + a, C->base + b, axis};
}

static void ContactsInPlane(const Slab *S, Contacts *C)
{
  for (PetscInt k = 0; k < S->nz; k++) {
    const PetscInt front = k * S->ny, back = front + S->ny - 1;

    for (PetscInt j = front; j <= back; j++) {
      const PetscInt first = S->row[j], end = S->row[j + 1];

      if (first < end && S->begin[first] == 0 && S->end[end - 1] == S->nx)
        AddContact(C, S->component[end - 1], PETSC_FALSE, S->component[first], 0);
    }
    for (PetscInt a = S->row[back], b = S->row[front]; NextOverlap(S, &a, S->row[back + 1], &b, S->row[front + 1]);
         Advance(S, &a, &b))
      AddContact(C, S->component[a], PETSC_FALSE, S->component[b], 1);
  }
}

// below[]: the node of each voxel in the plane below the slab, -1 outside the set; axis 2 when that is the other end of the cell, else -1.
static void ContactsBelow(const Slab *S, const PetscInt below[], PetscInt axis, Contacts *C)
{
  for (PetscInt j = 0; j < S->ny; j++) {
    for (PetscInt r = S->row[j]; r < S->row[j + 1]; r++) {
      PetscInt before = -1;

      for (PetscInt x = S->begin[r]; x < S->end[r]; x++) {
        const PetscInt node = below[j * S->nx + x];

        if (node >= 0 && node != before) AddContact(C, node, PETSC_TRUE, S->component[r], axis);
        before = node;
      }
    }
  }
}

static PetscErrorCode FindContacts(SnaVoxels v, const Slab *S, PetscBool mirror, const Shares *nodes, Contacts *C)
{
  const PetscInt    last   = (S->nz - 1) * S->ny; // first row of the top plane
  const PetscMPIInt nplane = (PetscMPIInt)(S->nx * S->ny), tag = 0;
  PetscMPIInt       size, rank, below, above;
  PetscInt         *top, *bottom;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(v->comm, &size));
  PetscCallMPI(MPI_Comm_rank(v->comm, &rank));
  below = (rank + size - 1) % size;
  above = (rank + 1) % size;
  *C    = (Contacts){
       .base = nodes->start[rank], .below_base = nodes->start[below], .below_first = below == rank ? 0 : S->nnode};
  PetscCall(GraphCreate(C->below_first + nodes->count[below], &C->graph));
  // At most n-1 edges join and 3 per node wind.
  PetscCall(PetscMalloc1(4 * (size_t)C->graph.n, &C->edge));

  PetscCall(PetscMalloc2((size_t)nplane, &top, (size_t)nplane, &bottom));
  for (PetscMPIInt i = 0; i < nplane; i++) top[i] = -1;
  for (PetscInt j = 0; j < S->ny; j++) {
    for (PetscInt r = S->row[last + j]; r < S->row[last + j + 1]; r++) {
      for (PetscInt x = S->begin[r]; x < S->end[r]; x++) top[j * S->nx + x] = S->component[r];
    }
  }
  PetscCallMPI(
    MPI_Sendrecv(top, nplane, MPIU_INT, above, tag, bottom, nplane, MPIU_INT, below, tag, v->comm, MPI_STATUS_IGNORE));
  if (!mirror || rank > 0) ContactsBelow(S, bottom, rank == 0 ? 2 : -1, C);
  if (!mirror) ContactsInPlane(S, C);
  PetscCall(PetscFree2(top, bottom));
  PetscCall(GraphDestroy(&C->graph));
  PetscFunctionReturn(0);
}

static uint8_t MirrorPercolation(uint8_t touch)
{
  uint8_t axes = 0;

  for (int a = 0; a < 3; a++) {
    if ((touch >> 2 * a & 3) == 3) axes |= (uint8_t)(1 << a);
  }
  return axes;
}

static void CountComponent(PetscInt64 size, uint8_t axes, SnaVoxelsComponents *c)
{
  c->count++;
  c->largest = PetscMax(c->largest, size);
  if (!axes) c->inert += size;
  for (int a = 0; a < 3; a++) {
    if (axes >> a & 1) c->percolates[a] = PETSC_TRUE;
  }
}

// Joins the nodes of all ranks on rank 0, counts their components there, and gives every node the axes along which its
// component percolates.
static PetscErrorCode JoinNodes(SnaVoxels v, const Slab *S, PetscBool mirror, const Shares *nodes, const Contacts *C,
  uint8_t axes[], SnaVoxelsComponents *c)
{
  PetscMPIInt  rank;
  Shares       edges;
  PetscInt64  *voxels = NULL;
  uint8_t     *touch  = NULL;
  Edge        *edge   = NULL;
  MPI_Datatype edge_type;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_rank(v->comm, &rank));
  PetscCall(SharesCreate(v->comm, C->nedge, &edges));
  if (rank == 0) {
    PetscCall(PetscMalloc1((size_t)edges.total, &edge));
    PetscCall(PetscMalloc2((size_t)nodes->total, &voxels, (size_t)nodes->total, &touch));
  }
  PetscCallMPI(MPI_Type_contiguous(3, MPIU_INT, &edge_type));
  PetscCallMPI(MPI_Type_commit(&edge_type));
  PetscCallMPI(
    MPI_Gatherv(C->edge, edges.count[rank], edge_type, edge, edges.count, edges.start, edge_type, 0, v->comm));
  PetscCallMPI(MPI_Type_free(&edge_type));
  PetscCallMPI(
    MPI_Gatherv(S->size, nodes->count[rank], MPIU_INT64, voxels, nodes->count, nodes->start, MPIU_INT64, 0, v->comm));
  PetscCallMPI(
    MPI_Gatherv(S->touch, nodes->count[rank], MPI_UINT8_T, touch, nodes->count, nodes->start, MPI_UINT8_T, 0, v->comm));
  if (rank == 0) {
    const PetscInt n = nodes->total;
    Graph          graph;
    PetscInt       shift[3];

    PetscCall(GraphCreate(n, &graph));
    for (PetscInt e = 0; e < edges.total; e++) (void)GraphJoin(&graph, &edge[e]);
    for (PetscInt i = 0; i < n; i++) {
      const PetscInt root = GraphRoot(&graph, i, shift);

      if (root == i) continue;
      voxels[root] += voxels[i];
      touch[root] |= touch[i];
    }
    for (PetscInt i = 0; i < n; i++) {
      if (graph.parent[i] != i) continue;
      if (mirror) graph.winds[i] = MirrorPercolation(touch[i]);
      CountComponent(voxels[i], graph.winds[i], c);
    }
    for (PetscInt i = 0; i < n; i++) touch[i] = graph.winds[GraphRoot(&graph, i, shift)];
    PetscCall(GraphDestroy(&graph));
  }
  PetscCallMPI(
    MPI_Scatterv(touch, nodes->count, nodes->start, MPI_UINT8_T, axes, nodes->count[rank], MPI_UINT8_T, 0, v->comm));
  PetscCall(PetscFree2(voxels, touch));
  PetscCall(PetscFree(edge));
  PetscCall(SharesDestroy(&edges));
  PetscFunctionReturn(0);
}

// The components of the slab, the axes along which its nodes percolate (other components do not), and what this rank
// adds to the totals.
static PetscErrorCode Label(
  SnaVoxels v, const uint8_t in[256], PetscBool mirror, Slab *S, uint8_t **axes, SnaVoxelsComponents *c)
{
  Shares   nodes;
  Contacts C;

  PetscFunctionBeginUser;
  *c = (SnaVoxelsComponents){0};
  PetscCall(FindRuns(v, in, S));
  PetscCall(FindComponents(v, S));
  PetscCall(SharesCreate(v->comm, S->nnode, &nodes));
  PetscCall(FindContacts(v, S, mirror, &nodes, &C));
  PetscCall(PetscMalloc1((size_t)S->nnode, axes));
  PetscCall(JoinNodes(v, S, mirror, &nodes, &C, *axes, c));
  PetscCall(PetscFree(C.edge));
  PetscCall(SharesDestroy(&nodes));
  for (PetscInt i = S->nnode; i < S->ncomponent; i++) CountComponent(S->size[i], 0, c);
  for (PetscInt i = 0; i < S->ncomponent; i++) c->voxels += S->size[i];
  PetscFunctionReturn(0);
}

// ---------------------------------------------------------------------------------------------------------------------
// Hinges
// ---------------------------------------------------------------------------------------------------------------------
// hinges[code] of a block of 2x2x2 voxels, bit di*4 + dk*2 + dj: of the three edges of voxel 0 that meet in the middle
// of the block, and of the middle. So each edge and each corner of the cell belongs to one block.
static void HingeTable(uint8_t hinges[256])
{
  static const int edge[3][4] = {
    {0, 1, 2, 3}, {0, 2, 4, 6}, {0, 1, 4, 5}}; // along x, y, z: voxels 0 and 3, 1 and 2 of each are diagonally opposite

  for (int code = 0; code < 256; code++) {
    hinges[code] = 0;
    for (int e = 0; e < 3; e++) {
      int bits = 0;

      for (int b = 0; b < 4; b++) bits |= (code >> edge[e][b] & 1) << b;
      hinges[code] = (uint8_t)(hinges[code] + (bits == 9 || bits == 6));
    }
    for (int b = 0; b < 4; b++) hinges[code] = (uint8_t)(hinges[code] + (code == (1 << b | 1 << (7 - b))));
  }
}

// mirror: the voxel beyond a face is the voxel itself, and equal neighbours are no hinge.
static PetscErrorCode CountHinges(SnaVoxels v, const uint8_t in[256], PetscBool mirror, PetscInt64 *count)
{
  const PetscInt nx = v->n[0], ny = v->n[1];
  const size_t   plane = (size_t)nx * (size_t)ny;
  PetscMPIInt    size, rank, nplane, tag = 0;
  uint8_t        hinges[256], *above;

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Comm_size(v->comm, &size));
  PetscCallMPI(MPI_Comm_rank(v->comm, &rank));
  nplane = (PetscMPIInt)(nx * ny);
  PetscCall(PetscMalloc1(plane, &above));
  PetscCallMPI(MPI_Sendrecv(v->phase, nplane, MPI_BYTE, (rank + size - 1) % size, tag, above, nplane, MPI_BYTE,
    (rank + 1) % size, tag, v->comm, MPI_STATUS_IGNORE));
  HingeTable(hinges);
  *count = 0;
  for (PetscInt k = 0; k < v->nz; k++) {
    const uint8_t *lower = v->phase + (size_t)k * plane, *upper = lower + plane;

    if (k == v->nz - 1) upper = mirror && rank == size - 1 ? lower : above;
    for (PetscInt j = 0; j < ny; j++) {
      const size_t   row = (size_t)j * (size_t)nx, next = (size_t)(j < ny - 1 ? j + 1 : mirror ? j : 0) * (size_t)nx;
      const uint8_t *p[4]   = {lower + row, lower + next, upper + row, upper + next};
      const PetscInt beyond = mirror ? nx - 1 : 0;
      unsigned       first  = 0, code;

      for (int b = 0; b < 4; b++) first |= (unsigned)in[p[b][0]] << b;
      code = first;
      for (PetscInt i = 1; i <= nx; i++) {
        unsigned column = 0;

        for (int b = 0; b < 4; b++) column |= (unsigned)in[p[b][i < nx ? i : beyond]] << b;
        *count += hinges[code | column << 4];
        code = column;
      }
    }
  }
  PetscCall(PetscFree(above));
  PetscFunctionReturn(0);
}

static void Members(const PetscBool member[256], uint8_t in[256])
{
  for (int p = 0; p < 256; p++) in[p] = member[p] ? 1 : 0;
}

PetscErrorCode SnaVoxelsConnect(
  SnaVoxels v, const PetscBool member[256], PetscBool mirror, PetscBool hinges, SnaVoxelsComponents *components)
{
  Slab       S;
  uint8_t    in[256], *axes;
  PetscInt64 sum[4], most[4];

  PetscFunctionBeginUser;
  Members(member, in);
  PetscCall(Label(v, in, mirror, &S, &axes, components));
  PetscCall(PetscFree(axes));
  PetscCall(SlabDestroy(&S));
  if (hinges) PetscCall(CountHinges(v, in, mirror, &components->hinges));
  sum[0] = components->count;
  sum[1] = components->voxels;
  sum[2] = components->inert;
  sum[3] = components->hinges;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 4, MPIU_INT64, MPI_SUM, v->comm));
  PetscCheck(sum[0] <= PETSC_MAX_INT, v->comm, PETSC_ERR_SUP, "Too many components");
  components->count  = (PetscInt)sum[0];
  components->voxels = sum[1];
  components->inert  = sum[2];
  components->hinges = sum[3];
  most[0]            = components->largest;
  for (int a = 0; a < 3; a++) most[a + 1] = components->percolates[a];
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, most, 4, MPIU_INT64, MPI_MAX, v->comm));
  components->largest = most[0];
  for (int a = 0; a < 3; a++) components->percolates[a] = (PetscBool)(most[a + 1] != 0);
  PetscFunctionReturn(0);
}

PetscErrorCode SnaVoxelsFill(
  SnaVoxels v, const PetscBool member[256], PetscBool mirror, PetscInt axis, uint8_t fill, PetscInt64 *filled)
{
  Slab                S;
  SnaVoxelsComponents components;
  uint8_t             in[256], *axes;
  const unsigned      wanted = axis < 0 ? 7 : 1u << axis;

  PetscFunctionBeginUser;
  PetscCheck(axis >= -1 && axis <= 2, v->comm, PETSC_ERR_ARG_OUTOFRANGE, "No axis %" PetscInt_FMT, axis);
  Members(member, in);
  PetscCall(Label(v, in, mirror, &S, &axes, &components));
  *filled = 0;
  for (PetscInt r = 0; r < S.ny * S.nz; r++) {
    for (PetscInt run = S.row[r]; run < S.row[r + 1]; run++) {
      const PetscInt component = S.component[run], length = S.end[run] - S.begin[run];

      if (component < S.nnode && (axes[component] & wanted)) continue;
      memset(v->phase + (size_t)r * (size_t)S.nx + S.begin[run], fill, (size_t)length);
      *filled += length;
    }
  }
  PetscCall(PetscFree(axes));
  PetscCall(SlabDestroy(&S));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, filled, 1, MPIU_INT64, MPI_SUM, v->comm));
  PetscFunctionReturn(0);
}
