/** dashboard/ui/tile: figures in boxes, each with its name over it and what it means under it. */
import './tile.css';
import { SimpleGrid } from '@mantine/core';
import type { ReactNode } from 'react';

export interface Tile {
  readonly name: string;
  readonly value: ReactNode;
  readonly detail?: ReactNode;
}

export function Tiles({ tiles }: { tiles: readonly Tile[] }) {
  return (
    <SimpleGrid component="dl" cols={{ base: 2, sm: 4 }} spacing="sm">
      {tiles.map(({ name, value, detail }) => (
        <div key={name} className="tile">
          <dt>{name}</dt>
          <dd>
            <strong className="num">{value}</strong>
            {detail ? <span className="small muted">{detail}</span> : null}
          </dd>
        </div>
      ))}
    </SimpleGrid>
  );
}
