// conduct.c - the conductivity's counterpart of elastic.c: one unknown per node, gradients instead of strains.
//
//   energy = (V/2) ( g_0.k g_0 + (1/3) sum g_a.k g_a + (1/9) sum g_ab.k g_ab ),      H = kappa (s_x m_y m_z + m_x s_y m_z + m_x m_y s_z)
#include "elliptic.h"

void SnaConductLayer(Elliptic *e, const uint8_t *phase, const double *lower, const double *upper, double *lower_force,
  double *upper_force, const double *load, double *mean)
{
  const PetscInt n = e->n[0], row = e->layout->row;
  double *restrict low = e->scratch, *restrict high = low + 4 * row, *restrict k = high + 4 * row; // k: 6 lines
  const double gx = 0.25 / e->h[0], gy = 0.25 / e->h[1], gz = 0.25 / e->h[2], third = 1.0 / 3, ninth = 1.0 / 9;
  const double l0 = load ? load[0] : 0, l1 = load ? load[1] : 0, l2 = load ? load[2] : 0;

  for (PetscInt y = 0; y < e->n[1]; y++) {
    const PetscInt y1 = y + 1 < e->layout->points[1] ? y + 1 : 0;
    const uint8_t *ph = phase + y * n;
    const double  *a0 = lower + y * row, *a1 = lower + y1 * row, *b0 = upper + y * row, *b1 = upper + y1 * row;
    double         sum0 = 0, sum1 = 0, sum2 = 0;
    int            any = 0;

    for (PetscInt x = 0; x < n; x++) any |= !e->empty[ph[x]];
    if (!any) continue;
    for (int i = 0; i < (e->isotropic ? 1 : 6); i++)
      for (PetscInt x = 0; x < n; x++) k[i * row + x] = e->isotropic ? e->lame[0][ph[x]] : e->full[i][ph[x]];
    for (PetscInt x = 0; x < n; x++) {
      const double s00 = a0[x] + a0[x + 1], d00 = a0[x + 1] - a0[x], s10 = a1[x] + a1[x + 1], d10 = a1[x + 1] - a1[x];
      const double s01 = b0[x] + b0[x + 1], d01 = b0[x + 1] - b0[x], s11 = b1[x] + b1[x + 1], d11 = b1[x + 1] - b1[x];
      const double ss0 = s00 + s10, sd0 = s10 - s00, ds0 = d00 + d10, dd0 = d10 - d00;
      const double ss1 = s01 + s11, sd1 = s11 - s01, ds1 = d01 + d11, dd1 = d11 - d01;
      const double ux = gx * (ds0 + ds1) + l0, uy = gy * (sd0 + sd1) + l1, uz = gz * (ss1 - ss0) + l2;
      const double uyz = sd1 - sd0, uxz = ds1 - ds0, uxy = dd0 + dd1, uxyz = dd1 - dd0;
      double       fx, fy, fz, fyz, fxz, fxy, fxyz;
      if (e->isotropic) {
        const double k0 = k[x], k3 = third * k0;
        fx   = k0 * ux;
        fy   = k0 * uy;
        fz   = k0 * uz;
        fyz  = k3 * (gz * gz + gy * gy) * uyz;
        fxz  = k3 * (gz * gz + gx * gx) * uxz;
        fxy  = k3 * (gy * gy + gx * gx) * uxy;
        fxyz = ninth * k0 * (gx * gx + gy * gy + gz * gz) * uxyz;
      } else {
        const double xx = k[x], xy = k[row + x], xz = k[2 * row + x], yy = k[3 * row + x], yz = k[4 * row + x],
                     zz = k[5 * row + x];
        fx              = xx * ux + xy * uy + xz * uz;
        fy              = xy * ux + yy * uy + yz * uz;
        fz              = xz * ux + yz * uy + zz * uz;
        // g_xi = (0, gy uxy, gz uxz), g_eta = (gx uxy, 0, gz uyz), g_zeta = (gx uxz, gy uyz, 0)
        fxy  = third * (gy * (yy * gy * uxy + yz * gz * uxz) + gx * (xx * gx * uxy + xz * gz * uyz));
        fxz  = third * (gz * (yz * gy * uxy + zz * gz * uxz) + gx * (xx * gx * uxz + xy * gy * uyz));
        fyz  = third * (gz * (xz * gx * uxy + zz * gz * uyz) + gy * (xy * gx * uxz + yy * gy * uyz));
        fxyz = ninth * (xx * gx * gx + yy * gy * gy + zz * gz * gz) * uxyz;
      }
      sum0 += fx;
      sum1 += fy;
      sum2 += fz;
      fx *= gx;
      fy *= gy;
      fz *= gz;
      for (int plane = 0; plane < 2; plane++) {
        const double ss = plane ? fz : -fz, sd = plane ? fy + fyz : fy - fyz, ds = plane ? fx + fxz : fx - fxz,
                     dd                 = plane ? fxy + fxyz : fxy - fxyz;
        low[2 * plane * row + x]        = ss - sd - (ds - dd);
        high[2 * plane * row + x]       = ss - sd + (ds - dd);
        low[(2 * plane + 1) * row + x]  = ss + sd - (ds + dd);
        high[(2 * plane + 1) * row + x] = ss + sd + (ds + dd);
      }
    }
    SnaAddLine(n, e->octant, low, high, lower_force + y * row);
    SnaAddLine(n, e->octant, low + row, high + row, lower_force + y1 * row);
    SnaAddLine(n, e->octant, low + 2 * row, high + 2 * row, upper_force + y * row);
    SnaAddLine(n, e->octant, low + 3 * row, high + 3 * row, upper_force + y1 * row);
    if (mean) {
      mean[0] += sum0;
      mean[1] += sum1;
      mean[2] += sum2;
    }
  }
}

void SnaConductKernel(void *ctx, PetscInt ky, double *block)
{
  Elliptic           *e   = (Elliptic *)ctx;
  const SnaFftLayout *l   = e->layout;
  const PetscInt      row = l->row, ny = l->points[1], nz = l->points[2];
  const double *restrict sx = e->symbol[0], *restrict mx = sx + row, *restrict weight = l->weight[0];
  const double kappa = e->reference[0], scale = l->scale, sy = e->symbol[1][ky], my = e->symbol[1][ny + ky];

  for (PetscInt kz = 0; kz < nz; kz++) {
    const double sz = e->symbol[2][kz], mz = e->symbol[2][nz + kz], a = kappa * my * mz,
                 b     = kappa * (sy * mz + my * sz);
    double *restrict r = block + kz * row;
    double sum         = 0;
    for (PetscInt s = 0; s < row; s++) {
      const double H = a * sx[s] + b * mx[s], f = r[s], z = H > 0 ? scale * f / H : 0;
      sum += weight[s] * f * z;
      r[s] = z;
    }
    e->rho += l->weight[1][ky] * l->weight[2][kz] * sum;
  }
}
