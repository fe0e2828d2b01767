// generate_checks.c - is a generated octant a cell? Components, hinges, Euler number and opening of a set of voxels between mirrors.
//
// All on one rank and in memory of the octant's size: a candidate takes a few milliseconds, which the distributed SnaVoxelsConnect() is not made for. A mirror
// adds no neighbour to a voxel (what lies beyond a face is the voxel itself), so components and hinges are those of the octant; a component that touches all six
// sides is, with its mirror images, one connected set that percolates along x, y and z.
//
// Euler number of the cubical complex of voxel centres: voxels - pairs + squares - cubes of solid voxels (Kong and Rosenfeld, "Digital topology", CVGIP 48, 1989),
// each counted over the 2n voxels of the cell per axis: along an axis where the element is one voxel thick it has the weight 2; where it is a pair (i, i+1), also 2,
// and 1 for the pair of a voxel with its own mirror image.
#include "generate_impl.h"

PetscErrorCode SnaOctantScratchCreate(PetscInt n, SnaOctantScratch *s)
{
  const size_t size = (size_t)n * (size_t)n * (size_t)n, rows = (size_t)n * (size_t)n;

  PetscFunctionBeginUser;
  // a line of n voxels has at most (n+1)/2 runs, and no more pairs of hinges than voxels
  PetscCall(PetscMalloc4(size + rows, &s->label, rows + 1, &s->row, size, &s->parent, size, &s->pair));
  PetscFunctionReturn(0);
}

PetscErrorCode SnaOctantScratchDestroy(SnaOctantScratch *s)
{
  PetscFunctionBeginUser;
  PetscCall(PetscFree4(s->label, s->row, s->parent, s->pair));
  PetscFunctionReturn(0);
}

static int32_t Root(int32_t parent[], int32_t r)
{
  while (parent[r] != r) r = parent[r] = parent[parent[r]];
  return r;
}

// Joins the overlapping runs of two rows; the smaller number is the root, so that roots come in the order of their first voxel.
static void JoinRows(const SnaOctantScratch *s, int32_t row, int32_t other)
{
  int32_t a = s->row[row], b = s->row[other];

  while (a < s->row[row + 1] && b < s->row[other + 1]) {
    const int32_t *ra = s->pair[a], *rb = s->pair[b];
    if (ra[0] < rb[1] && rb[0] < ra[1]) {
      const int32_t p = Root(s->parent, a), q = Root(s->parent, b);
      s->parent[PetscMax(p, q)] = PetscMin(p, q);
    }
    if (ra[1] < rb[1])
      a++;
    else
      b++;
  }
}

void SnaOctantLabel(
  PetscInt n, const uint8_t octant[], uint8_t phase, const SnaOctantScratch *s, SnaOctantComponents *components)
{
  const int32_t m = (int32_t)n, rows = m * m;
  int32_t       runs = 0, most = 0;
  PetscInt64    total = 0;

  // Runs along x: pair[r] = [begin, end), parent[r]; those of row (j, k) are row[k m + j] and on.
  for (int32_t r = 0; r < rows; r++) {
    const uint8_t *line = octant + (size_t)r * (size_t)m;
    s->row[r]           = runs;
    for (int32_t i = 0; i < m; i++) {
      if (line[i] != phase) continue;
      s->parent[runs]  = runs;
      s->pair[runs][0] = i;
      while (i < m && line[i] == phase) i++;
      s->pair[runs++][1] = i;
    }
    s->row[r + 1] = runs;
    if (r % m) JoinRows(s, r, r - 1);
    if (r >= m) JoinRows(s, r, r - m);
  }
  *components = (SnaOctantComponents){.largest = -1};
  // label doubles as the tables of components: voxels and sides touched, until voxels get their labels below.
  for (int32_t r = 0; r < rows; r++) {
    const int32_t j = r % m, k = r / m;
    for (int32_t a = s->row[r]; a < s->row[r + 1]; a++) {
      const int32_t root = Root(s->parent, a);
      int32_t      *t    = s->label + 2 * (size_t)root;
      if (root == a) {
        t[0] = t[1] = 0;
        components->count++;
      }
      t[0] += s->pair[a][1] - s->pair[a][0];
      t[1] |= (s->pair[a][0] == 0) | (s->pair[a][1] == m) << 1 | (j == 0) << 2 | (j == m - 1) << 3 | (k == 0) << 4 |
              (k == m - 1) << 5;
      if (t[0] > most) {
        most                = t[0];
        components->largest = root;
      }
      total += s->pair[a][1] - s->pair[a][0];
    }
  }
  if (most) components->reaches = (PetscBool)(s->label[2 * (size_t)components->largest + 1] == 63);
  components->elsewhere = total - most;
  for (int32_t r = 0; r < rows && components->count > 1; r++) {
    int32_t *line = s->label + (size_t)r * (size_t)m;
    for (int32_t i = 0; i < m; i++) line[i] = -1;
    for (int32_t a = s->row[r]; a < s->row[r + 1]; a++) {
      const int32_t root = Root(s->parent, a);
      for (int32_t i = s->pair[a][0]; i < s->pair[a][1]; i++) line[i] = root;
    }
  }
}

PetscInt SnaOctantHinges(PetscInt n, const uint8_t octant[], int32_t pair[][2])
{
  const int32_t m = (int32_t)n;
  uint8_t       hinge
    [256]
    [2]; // corners of the first pair in a block of eight voxels, corner c at (c & 1, c >> 1 & 1, c >> 2); equal: none
  PetscInt count = 0;

  for (unsigned s = 0; s < 256; s++) {
    hinge[s][0] = hinge[s][1] = 0;
    for (unsigned a = 0; a < 8; a++) {
      for (unsigned b = 0; b < a; b++) {
        const unsigned differ  = a ^ b; // two or three bits: an edge or the corner in common
        PetscBool      between = PETSC_FALSE;
        if (!(s >> a & 1) || !(s >> b & 1) || !(differ & (differ - 1))) continue;
        for (unsigned c = 0; c < 8; c++)
          if (c != a && c != b && !((c ^ a) & ~differ) && (s >> c & 1)) between = PETSC_TRUE;
        if (between) continue;
        hinge[s][0] = (uint8_t)a;
        hinge[s][1] = (uint8_t)b;
      }
    }
  }
  for (int32_t k = 0; k + 1 < m; k++) {
    for (int32_t j = 0; j + 1 < m; j++) {
      const int32_t  first = (k * m + j) * m;
      const uint8_t *p = octant + first, *q = p + m * m;
      unsigned       s = 0;
      for (int32_t i = 0; i < m; i++) {
        s = (s >> 1 & 0x55u) | (unsigned)(p[i] << 1 | p[i + m] << 3 | q[i] << 5 | q[i + m] << 7);
        if (i == 0 || hinge[s][0] == hinge[s][1]) continue;
        for (int c = 0; c < 2; c++) {
          const int32_t h = hinge[s][c];
          pair[count][c]  = first + i - 1 + (h & 1) + (h >> 1 & 1) * m + (h >> 2) * m * m;
        }
        count++;
      }
    }
  }
  return count;
}

PetscInt64 SnaOctantEuler(PetscInt n, const uint8_t octant[])
{
  const PetscInt64 row = n, plane = row * row;
  PetscInt64       euler = 0;

  for (int pairs = 0; pairs < 8; pairs++) { // bit a: the element is a pair of voxels along axis a
    const PetscInt64 first[3] = {-(pairs & 1), -(pairs >> 1 & 1), -(pairs >> 2)};
    PetscInt64       sum      = 0;
    for (PetscInt64 k = first[2]; k < n; k++) {
      const PetscInt64 z[2] = {PetscMax(k, 0), PetscMin(k - first[2], n - 1)};
      for (PetscInt64 j = first[1]; j < n; j++) {
        const PetscInt64 y[2]    = {PetscMax(j, 0), PetscMin(j - first[1], n - 1)};
        const PetscInt64 weight  = (first[2] && z[0] == z[1] ? 1 : 2) * (first[1] && y[0] == y[1] ? 1 : 2);
        const uint8_t   *line[4] = {octant + z[0] * plane + y[0] * row, octant + z[0] * plane + y[1] * row,
            octant + z[1] * plane + y[0] * row, octant + z[1] * plane + y[1] * row};
        PetscInt64       count   = 0;
        int              before  = line[0][0] & line[1][0] & line[2][0] & line[3][0];
        if (first[0]) count += before;
        for (PetscInt64 i = first[0] ? 1 : 0; i < n; i++) {
          const int here = line[0][i] & line[1][i] & line[2][i] & line[3][i];
          count += 2 * (first[0] ? here & before : here);
          before = here;
        }
        if (first[0]) count += before;
        sum += weight * count;
      }
    }
    euler += (first[0] + first[1] + first[2]) % 2 ? -sum : sum;
  }
  return euler;
}

PetscErrorCode SnaOctantOpen(PetscInt n, const uint8_t octant[], PetscInt m, uint8_t opened[])
{
  const size_t pad = (size_t)m - 1, row = (size_t)n + 2 * pad, kept = (size_t)n + pad; // positions of balls: 1-m..n-1
  uint8_t     *solid, *ball;
  size_t      *mirror;

  PetscFunctionBeginUser;
  PetscCall(PetscMalloc3(row * row * row, &solid, row * row * row, &ball, row, &mirror));
  for (size_t i = 0; i < row; i++) {
    PetscInt at = ((PetscInt)i - (PetscInt)pad) % (2 * n);
    if (at < 0) at += 2 * n;
    mirror[i] = (size_t)PetscMin(at, 2 * n - 1 - at);
  }
  for (size_t k = 0; k < row; k++)
    for (size_t j = 0; j < row; j++)
      for (size_t i = 0; i < row; i++)
        solid[(k * row + j) * row + i] = octant[(mirror[k] * (size_t)n + mirror[j]) * (size_t)n + mirror[i]];
  PetscCall(PetscMemzero(opened, (size_t)n * (size_t)n * (size_t)n));
  for (size_t i = 0; i < row * row * row; i++) ball[i] = 1;
  for (int dilate = 0; dilate < 2; dilate++) {
    for (PetscInt c = 0; c < m; c++) {
      for (PetscInt b = 0; b < m; b++) {
        for (PetscInt a = 0; a < m; a++) { // corner to corner the ball fills m voxels: |2 o - (m-1)| <= m
          const PetscInt x = 2 * a - m + 1, y = 2 * b - m + 1, z = 2 * c - m + 1;
          if (x * x + y * y + z * z > m * m) continue;
          if (!dilate) {
            for (size_t k = 0; k < kept; k++) {
              for (size_t j = 0; j < kept; j++) {
                uint8_t       *to   = ball + (k * row + j) * row;
                const uint8_t *from = solid + ((k + (size_t)c) * row + j + (size_t)b) * row + a;
                for (size_t i = 0; i < kept; i++) to[i] &= from[i];
              }
            }
          } else {
            for (size_t k = 0; k < (size_t)n; k++) {
              for (size_t j = 0; j < (size_t)n; j++) {
                uint8_t       *to = opened + (k * (size_t)n + j) * (size_t)n;
                const uint8_t *from =
                  ball + ((k + pad - (size_t)c) * row + j + pad - (size_t)b) * row + (pad - (size_t)a);
                for (size_t i = 0; i < (size_t)n; i++) to[i] |= from[i];
              }
            }
          }
        }
      }
    }
  }
  PetscCall(PetscFree3(solid, ball, mirror));
  PetscFunctionReturn(0);
}
