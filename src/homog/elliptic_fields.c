// elliptic_fields.c - what a solution of elliptic.c yields besides its own average: cross terms between loads, fields at the voxels.
//
// Cross terms: with u_j of load j known to a residual r_j, the average stress alone gives C_ij = E_i.<s_j> with an error linear in r_j; adding
// the work of r_j on u_i,
//   V C_ij = sum_e (E_i + B u_i).D (E_j + B u_j) = V E_i.<s_j> - u_i.r_j,
// makes the error a product of both residuals, as that of the diagonal is.
#include "elliptic.h"

const SnaCellField SnaElasticFields[4] = {{"displacement", 3}, {"strain", 6}, {"stress", 6}, {"energy", 1}};
const SnaCellField SnaConductFields[4] = {{"potential", 1}, {"gradient", 3}, {"flux", 3}, {"energy", 1}};

PetscErrorCode SnaEllipticKeep(SnaCell cell, PetscInt i)
{
  Elliptic           *e  = (Elliptic *)cell->data;
  const SnaFftLayout *l  = e->layout;
  const PetscInt      nx = l->points[0], lines = l->nz * l->points[1] * e->ncomp;

  PetscFunctionBeginUser;
  if (!e->kept[i]) PetscCall(PetscMalloc1((size_t)lines * (size_t)nx, &e->kept[i]));
  for (PetscInt j = 0; j < lines; j++)
    for (PetscInt x = 0; x < nx; x++)
      e->kept[i][(size_t)j * (size_t)nx + (size_t)x] = (float)e->u[(size_t)j * (size_t)l->row + (size_t)x];
  e->kept_parity[i] = e->parity;
  PetscFunctionReturn(0);
}

PetscErrorCode SnaEllipticCross(SnaCell cell, PetscInt i, double *value)
{
  Elliptic           *e  = (Elliptic *)cell->data;
  const SnaFftLayout *l  = e->layout;
  const PetscInt      nx = l->points[0], ny = l->points[1];
  const double        volume = (double)e->n[0] * (double)e->n[1] * (double)e->n[2] * e->volume;
  double              work   = 0;

  PetscFunctionBeginUser;
  *value = e->mean[i];
  if (i != e->last && (!e->kept[i] || e->kept_parity[i] != e->parity)) PetscFunctionReturn(0);
  for (PetscInt k = 0; k < l->nz; k++)
    for (PetscInt y = 0; y < ny; y++)
      for (PetscInt c = 0; c < e->ncomp; c++) {
        const size_t  line = (size_t)((k * ny + y) * e->ncomp + c);
        const double *r = e->r + line * (size_t)l->row, *u = e->u + line * (size_t)l->row;
        const float  *kept = i == e->last ? NULL : e->kept[i] + line * (size_t)nx;
        double        part = 0, weight = 1;
        for (PetscInt x = 0; x < nx; x++) part += r[x] * (kept ? (double)kept[x] : u[x]);
        if (e->octant) {
          part -=
            0.5 * (r[0] * (kept ? (double)kept[0] : u[0]) + r[nx - 1] * (kept ? (double)kept[nx - 1] : u[nx - 1]));
          if (y == 0 || y == ny - 1) weight *= 0.5;
          if (l->z0 + k == 0 || l->z0 + k == l->points[2] - 1) weight *= 0.5;
        }
        work += weight * part;
      }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &work, 1, MPI_DOUBLE, MPI_SUM, cell->comm));
  *value -= work / volume;
  PetscFunctionReturn(0);
}

// Nodal values of one element, node = (plane*2 + y)*2 + x.
static void Gather(const Elliptic *e, const double *lower, const double *upper, PetscInt x, PetscInt y, double u[8][3])
{
  const PetscInt row = e->layout->row, y1 = y + 1 < e->layout->points[1] ? y + 1 : 0;

  for (int node = 0; node < 8; node++)
    for (PetscInt c = 0; c < e->ncomp; c++)
      u[node][c] = (node & 4 ? upper : lower)[((node & 2 ? y1 : y) * e->ncomp + c) * row + x + (node & 1)];
}

// Coefficients of the strain (gradient) polynomial: [0] the average, [1..3] of xi, eta, zeta, [4..6] of eta zeta, xi zeta, xi eta.
static void StrainModes(const Elliptic *e, double u[8][3], double strain[7][6])
{
  // dS: derivative along `axis` of component c as a polynomial; monomials by the axes they hold, as bits
  static const int monomial[7] = {0, 1, 2, 4, 6, 5, 3};
  double           d[3][3][7];

  for (PetscInt c = 0; c < e->ncomp; c++)
    for (int a = 0; a < 3; a++)
      for (int m = 0; m < 7; m++) {
        d[c][a][m] = 0;
        if (monomial[m] & (1 << a)) continue; // what is linear in an axis is constant after its derivative
        for (int node = 0; node < 8; node++) {
          const int bits = monomial[m] | (1 << a);
          int       sign = 1;
          for (int b = 0; b < 3; b++)
            if ((bits & (1 << b)) && !(node & (1 << b))) sign = -sign;
          d[c][a][m] += sign * u[node][c] * 0.25 / e->h[a];
        }
      }
  for (int m = 0; m < 7; m++) {
    if (e->ncomp == 1) {
      for (int a = 0; a < 3; a++) strain[m][a] = d[0][a][m];
      continue;
    }
    for (int a = 0; a < 3; a++) strain[m][a] = d[a][a][m];
    strain[m][3] = d[1][2][m] + d[2][1][m];
    strain[m][4] = d[0][2][m] + d[2][0][m];
    strain[m][5] = d[0][1][m] + d[1][0][m];
  }
}

static void Stress(const Elliptic *e, uint8_t phase, const double strain[6], double stress[6])
{
  for (PetscInt i = 0, k = 0; i < e->nload; i++) {
    if (i == 0)
      for (PetscInt j = 0; j < e->nload; j++) stress[j] = 0;
    for (PetscInt j = i; j < e->nload; j++, k++) {
      stress[i] += e->full[k][phase] / e->volume * strain[j];
      if (j > i) stress[j] += e->full[k][phase] / e->volume * strain[i];
    }
  }
}

PetscErrorCode SnaEllipticField(SnaCell cell, PetscInt field, float data[])
{
  Elliptic      *e  = (Elliptic *)cell->data;
  const size_t   nx = (size_t)e->n[0], ny = (size_t)e->n[1], layer = nx * ny;
  const PetscInt ncomp = cell->field[field].ncomp;
  const double  *above;

  PetscFunctionBeginUser;
  PetscCall(SnaEllipticGhost(cell, e->u, &above));
  for (PetscInt k = 0; k < cell->voxels->nz; k++) {
    const double *lower = e->u + (size_t)k * (size_t)e->layout->plane,
                 *upper = k == e->layout->nz - 1 ? above : lower + e->layout->plane;
    for (size_t y = 0; y < ny; y++)
      for (size_t x = 0; x < nx; x++) {
        const uint8_t phase = cell->voxels->phase[(size_t)k * layer + y * nx + x];
        double        u[8][3], strain[7][6], stress[7][6], out[6] = {0};
        Gather(e, lower, upper, (PetscInt)x, (PetscInt)y, u);
        if (field == 0) {
          const double at[3] = {
            ((double)x + 0.5) * e->h[0], ((double)y + 0.5) * e->h[1], ((double)(cell->voxels->z0 + k) + 0.5) * e->h[2]};
          for (PetscInt c = 0; c < ncomp; c++)
            for (int node = 0; node < 8; node++) out[c] += u[node][c] / 8;
          if (e->ncomp == 1)
            out[0] += e->load[0] * at[0] + e->load[1] * at[1] + e->load[2] * at[2];
          else {
            out[0] += e->load[0] * at[0] + 0.5 * (e->load[5] * at[1] + e->load[4] * at[2]);
            out[1] += e->load[1] * at[1] + 0.5 * (e->load[5] * at[0] + e->load[3] * at[2]);
            out[2] += e->load[2] * at[2] + 0.5 * (e->load[4] * at[0] + e->load[3] * at[1]);
          }
        } else {
          StrainModes(e, u, strain);
          for (PetscInt i = 0; i < e->nload; i++) strain[0][i] += e->load[i];
          for (int m = 0; m < 7; m++) Stress(e, phase, strain[m], stress[m]);
          for (PetscInt i = 0; i < e->nload; i++) {
            if (field < 3)
              out[i] = field == 1 ? strain[0][i] : stress[0][i];
            else
              for (int m = 0; m < 7; m++) out[0] += 0.5 * strain[m][i] * stress[m][i] / (m == 0 ? 1 : m < 4 ? 3 : 9);
          }
        }
        for (PetscInt c = 0; c < ncomp; c++)
          data[((size_t)k * (size_t)ncomp + (size_t)c) * layer + y * nx + x] = (float)out[c];
      }
  }
  PetscFunctionReturn(0);
}
